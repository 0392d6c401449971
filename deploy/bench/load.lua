-- Sends prepared requests in turn, one file a run; prints what came back as one JSON line.
local requests, threads, counter = {}, {}, 1

function setup(thread)
  thread:set("number", counter)
  table.insert(threads, thread)
  counter = counter + 1
end

function init(args)
  local total = tonumber(args[2])
  local index = 0
  for block in io.open(args[1], "rb"):read("*a"):gmatch("(.-)\30") do
    if index % total == number - 1 then table.insert(requests, block) end
    index = index + 1
  end
  place, statuses = 0, ""
  seen = {}
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function response(status)
  seen[status] = (seen[status] or 0) + 1
  local parts = {}
  for code, count in pairs(seen) do table.insert(parts, code .. ":" .. count) end
  statuses = table.concat(parts, ",")
end

function done(summary, latency, _)
  local all = {}
  for _, thread in ipairs(threads) do table.insert(all, thread:get("statuses")) end
  io.write(string.format('RESULT {"requests": %d, "microseconds": %d, "p50": %d, "p95": %d, "p99": %d, "max": %d, "socket_errors": %d, "statuses": "%s"}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, table.concat(all, ";")))
end
