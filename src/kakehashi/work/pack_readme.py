"""What an auditor reads first in an evidence pack: how to check it without Kakehashi."""

SCRIPT = """\
import base64, glob, hashlib, json
def h(*parts): return hashlib.sha256(b"".join(parts)).digest()
root = base64.b64decode(open("checkpoint.txt", encoding="utf-8").read().split("\\n")[2])
bad = 0
for path in sorted(glob.glob("proofs/*.json")):
    p = json.load(open(path))
    data = open("records/" + p["record"] + ".json", "rb").read()
    node, i, last = h(b"\\0", h(data)), p["index"], p["size"] - 1
    for s in map(bytes.fromhex, p["proof"]):
        if i & 1 or i == last:
            node = h(b"\\1", s, node)
            while not i & 1 and i:
                i, last = i >> 1, last >> 1
        else:
            node = h(b"\\1", node, s)
        i, last = i >> 1, last >> 1
    bad += h(data).hex() != p["record"] or node != root or last != 0
print("%d records do not match" % bad if bad else "all records are in the ledger")
raise SystemExit(bool(bad))
"""
"""Twenty lines of Python's own library that check every record against the checkpoint."""

_README = (
    """\
EVIDENCE PACK / 証拠資料パック

An indicator of public evidence, not a grade of virtue. Not legal advice. Kakehashi is independent of any institute,
network or government and speaks for none of them.
公表された証拠の有無を示す指標であり、優劣の評価ではない。法的助言ではない。Kakehashiはいかなる機関、ネットワーク、政府からも
独立しており、それらを代表しない。

WHAT IS HERE / 内容
  index.html, index.txt   what was found, for whom, by whom, when / 証拠の一覧
  evidence/               the documents / 文書
  exchange/               records of the exchange / 情報共有の記録
  records/                records of the ledger, byte for byte; the name is the SHA-256 / 台帳の記録
  proofs/                 for each record, that it is in the ledger / 台帳に含まれることの証明
  checkpoint.txt          size and root of the ledger, signed / 台帳の大きさと根（署名付き）
  manifest.json           the same list for programs / 機械可読の一覧
  SHA256SUMS, .sig        hashes of all files, and a signature over them / 全ファイルのハッシュ値と署名
  signer.pem, .pub        the signer's public key: compare it with one that you have from the signer
                          署名者の公開鍵。署名者から別途受け取ったものと照合する

HOW TO CHECK IT WITHOUT KAKEHASHI / Kakehashiを使わない検証方法
1. Every file is as it was signed, and none was added / 全ファイルが署名時のままで、追加されたものがないこと
     sha256sum -c SHA256SUMS
     find . -type f | wc -l        (@FILES@; a greater number: a file was added / 多い場合は追加されたファイルがある)
2. Who signed the hashes / ハッシュ値への署名者
     openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
3. Every record is in the ledger of checkpoint.txt (save these lines as check.py beside this file and run it)
   全ての記録がcheckpoint.txtの台帳に含まれること（以下をcheck.pyとして保存し、python3 check.pyを実行する）

----8<----
"""
    + SCRIPT
    + """\
----8<----

What this does not show: that a statement is true, that nothing was left out, or that the key is the signer's.
以上は、記述が真実であること、漏れがないこと、鍵が署名者本人のものであることを示すものではない。
"""
)


def readme(files: int) -> str:
    """The text for a pack of so many files, itself, the hashes and their signature among them."""
    return _README.replace("@FILES@", str(files))
