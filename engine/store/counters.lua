-- One decision about counters, in one step that nothing can come between. The same rules as engine/store/counters.py.
--
-- KEYS: one per counter; all hold the same {hash tag}, so that a cluster keeps them together.
-- ARGV: what to do, the id of the leases, then for each key what FIELDS says.
--   admit   charge all or none  -> {1 or 0, places, totals after it, microseconds until each is whole, until each admits}
--   change  settle, release, refund  -> 0
--   renew   -> 0
--
-- Times are whole microseconds by the clock of the server, units are whole; both stay below 2^53, up to where the
-- doubles of Lua are exact (in micro-USD: nine thousand million USD; in microseconds since 1970: the year 2255).
-- A window is a hash {slice -> units}, a lease is a sorted set {id -> when it ends}, a ledger is a hash {n -> period,
-- u -> units}.

local SLICES = 60
local MICRO = 1000000
local DAY = 86400 * MICRO
local GRACE = 3600 * MICRO   -- how long a ledger outlives its period
local LEASE_RETRY = MICRO
local NEVER = -1

local FIELDS = {
  admit = {'kind', 'most', 'cost', 'span', 'period'},
  change = {'kind', 'place', 'back', 'more', 'span', 'period'},
  renew = {'id', 'span'},
}
local NUMBERS = {most = true, cost = true, back = true, more = true, span = true}

local function int(number)   -- plain digits: Lua itself writes 1.7e+15
  return string.format('%.0f', number)
end

local now = (function()
  local time = redis.call('TIME')
  return tonumber(time[1]) * MICRO + tonumber(time[2])
end)()

local function keep(key, micros)
  redis.call('PEXPIRE', key, int(math.ceil(micros / 1000) + 1))
end

-- Day (since 1970) or month (12 x year + month - 1) of now, and when it ends.
local function period(word)
  local day = math.floor(now / DAY)
  if word == 'day' then return day, (day + 1) * DAY end
  -- Years that begin in March have their leap day last; in eras of 400 years the calendar repeats.
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local march = math.floor((5 * doy + 2) / 153)
  local date = doy - math.floor((153 * march + 2) / 5)   -- 0 on the first
  local month = march < 10 and march + 3 or march - 9
  local year = era * 400 + yoe + (month <= 2 and 1 or 0)
  local leap = (year % 4 == 0 and year % 100 ~= 0) or year % 400 == 0
  local days = ({31, leap and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31})[month]
  return 12 * year + month - 1, (day - date + days) * DAY
end

local kinds = {window = {}, lease = {}, ledger = {}}

-- A window: slices that count no more go; one of the future (the clock went back) has been charged by now.
function kinds.window.look(key, claim)
  local width = math.max(1, math.ceil(claim.span / SLICES))
  local place = math.floor(now / width)
  local slices, gone, early, total = {}, {}, 0, 0
  local found = redis.call('HGETALL', key)
  for i = 1, #found, 2 do
    local number, units = tonumber(found[i]), tonumber(found[i + 1])
    if number < place - SLICES then
      gone[#gone + 1] = found[i]
    elseif number > place then
      gone[#gone + 1] = found[i]
      early = early + units
    else
      slices[#slices + 1] = {number, units}
      total = total + units
    end
  end
  return {place = place, total = total + early, slices = slices, gone = gone, early = early, width = width}
end

function kinds.window.tidy(key, state)
  for _, field in ipairs(state.gone) do redis.call('HDEL', key, field) end
  if state.early > 0 then
    redis.call('HINCRBY', key, int(state.place), int(state.early))
    state.slices[#state.slices + 1] = {state.place, state.early}
    keep(key, (SLICES + 2) * state.width)
  end
end

local function ends(state, number)
  return (number + SLICES + 1) * state.width - now
end

function kinds.window.whole(state, charged)
  local newest = charged > 0 and state.place or nil
  for _, slice in ipairs(state.slices) do
    if slice[2] > 0 and (not newest or slice[1] > newest) then newest = slice[1] end
  end
  return newest and ends(state, newest) or 0
end

function kinds.window.wait(state, claim)
  local free = claim.most - claim.cost - state.total
  table.sort(state.slices, function(one, other) return one[1] < other[1] end)
  for _, slice in ipairs(state.slices) do
    free = free + slice[2]
    if free >= 0 then return ends(state, slice[1]) end
  end
  return 0
end

function kinds.window.charge(key, state, units)
  redis.call('HINCRBY', key, int(state.place), int(units))
  keep(key, (SLICES + 2) * state.width)
end

function kinds.window.change(key, change)
  local left = tonumber(redis.call('HGET', key, change.place) or '0')
  local back = math.min(change.back, left)
  if back > 0 then redis.call('HINCRBY', key, change.place, int(-back)) end
  if change.more > 0 then
    local state = kinds.window.look(key, change)
    kinds.window.tidy(key, state)
    kinds.window.charge(key, state, change.more)
  end
end

-- Leases end by themselves where nobody renews them; none is longer than its span, or the clock went back.
function kinds.lease.look(key, claim)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', int(now))
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. int(now + claim.span), '+inf')) do
    redis.call('ZADD', key, int(now + claim.span), id)
  end
  return {place = 0, total = redis.call('ZCARD', key)}
end

function kinds.lease.tidy() end

function kinds.lease.whole() return 0 end

function kinds.lease.wait() return LEASE_RETRY end

function kinds.lease.charge(key, _, _, claim)
  redis.call('ZADD', key, int(now + claim.span), ARGV[2])
  keep(key, claim.span)
end

function kinds.lease.change(key) redis.call('ZREM', key, ARGV[2]) end

-- A ledger: a small step back over the end of a period leaves the later one; after a large one what was spent counts
-- in the period of now.
function kinds.ledger.look(key, claim)
  local number, finish = period(claim.period)
  local found = redis.call('HMGET', key, 'n', 'u')
  local kept, total = tonumber(found[1] or '0'), tonumber(found[2] or '0')
  if number > kept then
    kept, total = number, 0
  elseif number < kept - 1 then
    kept = number
  end
  local moved = found[1] and tonumber(found[1]) ~= kept
  return {place = kept, total = total, ends = finish, new = not found[1], moved = moved}
end

function kinds.ledger.tidy(key, state)
  if state.moved then kinds.ledger.charge(key, state, 0) end
end

function kinds.ledger.whole(state) return state.ends - now end

function kinds.ledger.wait(state) return state.ends - now end

function kinds.ledger.charge(key, state, units)
  redis.call('HSET', key, 'n', int(state.place), 'u', int(state.total + units))
  keep(key, state.ends - now + GRACE)
end

function kinds.ledger.change(key, change)
  local state = kinds.ledger.look(key, change)
  local place = tonumber(change.place)
  if state.new and place == state.place + 1 then state.place = place end   -- nothing was charged yet, so nothing kept it
  kinds.ledger.tidy(key, state)
  if state.place == place then
    kinds.ledger.charge(key, state, math.max(0, state.total - change.back + change.more) - state.total)
  end
end

local function rows()
  local names, found = FIELDS[ARGV[1]], {}
  for i, key in ipairs(KEYS) do
    local row = {key = key}
    for j, name in ipairs(names) do
      local text = ARGV[2 + (i - 1) * #names + j]
      row[name] = NUMBERS[name] and tonumber(text) or text
    end
    found[i] = row
  end
  return found
end

local function admit(claims)
  local states, asked, admitted = {}, {}, 1
  for i, claim in ipairs(claims) do   -- all are looked at before anything is charged: one of them may be no counter
    states[i] = states[asked[claim.key] and asked[claim.key].at] or kinds[claim.kind].look(claim.key, claim)
    asked[claim.key] = asked[claim.key] or {at = i, units = 0}
  end
  for i, claim in ipairs(claims) do kinds[claim.kind].tidy(claim.key, states[i]) end
  local waits = {}
  for i, claim in ipairs(claims) do
    local before = asked[claim.key]
    if states[i].total + before.units + claim.cost > claim.most then
      admitted = 0
      waits[i] = before.units + claim.cost > claim.most and NEVER or kinds[claim.kind].wait(states[i], claim)
    else
      before.units = before.units + claim.cost
      waits[i] = 0
    end
  end
  local places, totals, resets, charged = {}, {}, {}, {}
  for i, claim in ipairs(claims) do
    local units = admitted == 1 and asked[claim.key].units or 0
    if units > 0 and not charged[claim.key] then
      kinds[claim.kind].charge(claim.key, states[i], units, claim)
      charged[claim.key] = true
    end
    places[i] = states[i].place
    totals[i] = states[i].total + units
    resets[i] = kinds[claim.kind].whole(states[i], units)
  end
  return {admitted, places, totals, resets, waits}
end

if ARGV[1] == 'admit' then return admit(rows()) end

for _, row in ipairs(rows()) do
  if ARGV[1] == 'change' then
    kinds[row.kind].change(row.key, row)
  else
    redis.call('ZADD', row.key, int(now + row.span), row.id)
    keep(row.key, row.span)
  end
end
return 0
