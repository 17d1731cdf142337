"""Speed against peers, in one run on one machine; ``make bench`` writes docs/benchmarks.md. See README.md here."""
