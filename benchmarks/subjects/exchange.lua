-- 16 clients for wrk, one connection and one header each, that follow `next` as a member's client does.
-- Arguments: the path, then a value of Authorization for each client in turn (none: without).

local made = 0

function setup(thread)
  thread:set("number", made)
  made = made + 1
end

function init(args)
  base, path = args[1], args[1]
  headers = { ["Accept"] = "application/taxii+json;version=2.1" }
  if #args > 1 then headers["Authorization"] = args[2 + number % (#args - 1)] end
end

function request()
  return wrk.format("GET", path, headers)
end

function response(status, _, body)  -- our server writes `next` before the objects
  local cursor = body:sub(1, 500):match('"next":"([^"]+)"')
  path = cursor and (base .. "&next=" .. cursor) or base
end
