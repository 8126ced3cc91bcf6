-- Keeps one value among others that have only so much room together: the oldest give way.
-- KEYS: index (sorted set: name -> when it goes, ms), sizes (hash: name -> bytes; '' -> all together), value
-- ARGV: name, value, ms it is kept, most entries, most bytes, what the keys of values begin with
local index, sizes, key = KEYS[1], KEYS[2], KEYS[3]
local name, value, kept, entries, bytes, prefix = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]

local function drop(gone)
  local size = tonumber(redis.call('HGET', sizes, gone) or '0')
  redis.call('ZREM', index, gone)
  redis.call('HDEL', sizes, gone)
  redis.call('DEL', prefix .. gone)
  return redis.call('HINCRBY', sizes, '', -size)
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, 100)) do
  drop(gone)
end
drop(name)
if #value > bytes or entries < 1 then
  return 0
end
redis.call('SET', key, value, 'PX', kept)
redis.call('ZADD', index, now + kept, name)
redis.call('HSET', sizes, name, #value)
local total = redis.call('HINCRBY', sizes, '', #value)
while total > bytes or redis.call('ZCARD', index) > entries do
  total = drop(redis.call('ZRANGE', index, 0, 0)[1])
end
redis.call('PEXPIRE', index, kept)
redis.call('PEXPIRE', sizes, kept)
return 1
