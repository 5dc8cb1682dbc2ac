-- One exchange of one member, about all its scopes.
--
-- NOTE: src/shared_state/allocation is the same in Rust, step by step, and
-- tests/redis compares the two. A change here is a change there.
--
-- `now` comes from the line before this one, in milliseconds.
-- KEYS: when the state was born, the members, then one hash for each scope.
-- ARGV: member, number, lease, channel, and for each scope: name, acknowledged,
-- claim, hold, windows; for each window: code, limit, held, want, queued,
-- learned, entries given back; for each of those: free in, count.
--
-- A scope's hash has the field `s` for the state, and one for each member:
--   s:      [filled at, called at, hold until, settled at, heard at,
--            [code, limit, held, turn, learned, learned until, [free at, count, ...]], ...]
--   member: [number, expires,
--            [code, limit, held, want, queued, target, [free at, count, ...]], ...]

local FLIGHT, RECLAIM, AHEAD, AGAIN = 2000, 2000, 2000, 250
local LATER = 2500
local LEARNED, KEPT, FEW, CALLED, DAY = 600000, 600000, 16, 8, 86400000
local BACK = 1000
local PARTS, MOST_QUEUED, EXACT = 16, 100000, 9007199254740992
local SELDOM, SOON, OFTEN, PERMITS = 600000, 3000, 10000, 2000

local function div(a, b) return (a - a % b) / b end
local min, max = math.min, math.max

-- What is stored.

local function decode(text)
  if not text then return nil end
  local ok, value = pcall(cjson.decode, text)
  if ok and type(value) == 'table' then return value end
end

-- What somebody else has written there is no state of ours.
local function numbers(list, first, last)
  for at = first, last do
    if type(list[at]) ~= 'number' then return false end
  end
  return true
end

local function read(text, head, tail)
  local list = decode(text)
  if not list or not numbers(list, 1, head) then return nil end
  for at = head + 1, #list do
    local part = list[at]
    if type(part) ~= 'table' or not numbers(part, 1, tail) or type(part[tail + 1]) ~= 'table'
      or not numbers(part[tail + 1], 1, #part[tail + 1]) then return nil end
  end
  return list
end

local function pairs_of(flat)
  local list = {}
  for at = 1, #flat, 2 do list[#list + 1] = { flat[at], flat[at + 1] } end
  return list
end

local function flat(list)
  local all = {}
  for _, entry in ipairs(list) do
    all[#all + 1] = entry[1]
    all[#all + 1] = entry[2]
  end
  return all
end

local function read_state(text)
  local known = read(text, 5, 6)
  -- A clock that was set back makes it as good as lost.
  if known and known[5] > now + BACK then known = nil end
  local list = known or { 0, 0, 0, 0, 0 }
  local state = { lost = text and not known, filled_at = list[1], called_at = list[2], hold_until = list[3],
    settled_at = list[4], windows = {}, codes = {} }
  for at = 6, #list do
    local w = list[at]
    state.windows[w[1]] = { limit = w[2], held = w[3], turn = w[4], learned = w[5],
      learned_until = w[6], returning = pairs_of(w[7]) }
    state.codes[#state.codes + 1] = w[1]
  end
  return state
end

local function write_state(state)
  local list = { state.filled_at, state.called_at, state.hold_until, state.settled_at, now }
  for _, code in ipairs(state.codes) do
    local w = state.windows[code]
    list[#list + 1] = { code, w.limit, w.held, w.turn, w.learned, w.learned_until, flat(w.returning) }
  end
  return cjson.encode(list)
end

local function read_record(text)
  local list = read(text, 2, 6)
  if not list then return nil end
  local record = { number = list[1], expires = list[2], parts = {} }
  for at = 3, #list do
    local p = list[at]
    record.parts[p[1]] = { limit = p[2], held = p[3], want = p[4], queued = p[5], target = p[6],
      late = pairs_of(p[7]) }
  end
  return record
end

local function write_record(record)
  local list = { record.number, record.expires }
  for code, p in pairs(record.parts) do
    list[#list + 1] = { code, p.limit, p.held, p.want, p.queued, p.target, flat(p.late) }
  end
  return cjson.encode(list)
end
