-- One exchange of one member, about all its scopes.
--
-- NOTE: src/shared_state/allocation is the same in Rust, step by step, and
-- tests/redis compares the two. A change here is a change there.
--
-- `now` comes from the line before this one, in milliseconds.
-- KEYS: when the state was born, the members, then one hash for each scope.
-- ARGV: member, number, lease, channel, and for each scope: name, acknowledged,
-- claim, hold, learned, windows; for each window: code, limit, held, want,
-- queued, entries given back; for each of those: free in, count.
--
-- A scope's hash has the field `s` for the state, and one for each member:
--   s:      [filled at, called at, hold until, learned, learned until, settled at,
--            heard at, [code, limit, held, turn, [free at, count, ...]], ...]
--   member: [number, expires,
--            [code, limit, held, want, queued, target, [free at, count, ...]], ...]

local FLIGHT, RECLAIM, AHEAD, AGAIN = 2000, 2000, 2000, 250
local LEARNED, KEPT, FEW, CALLED, DAY = 600000, 600000, 16, 8, 86400000
local BACK = 1000
local PARTS, MOST_QUEUED, SELDOM, OFTEN, EXACT = 16, 100000, 600000, 10000, 9007199254740992

local function div(a, b) return (a - a % b) / b end
local min, max = math.min, math.max

-- ===== what is stored =====

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
  local known = read(text, 7, 4)
  -- A clock that was set back makes it as good as lost.
  if known and known[7] > now + BACK then known = nil end
  local list = known or { 0, 0, 0, 0, 0, 0, 0 }
  local state = { lost = text and not known, filled_at = list[1], called_at = list[2], hold_until = list[3],
    learned = list[4], learned_until = list[5], settled_at = list[6], windows = {}, codes = {} }
  for at = 8, #list do
    local w = list[at]
    state.windows[w[1]] = { limit = w[2], held = w[3], turn = w[4], returning = pairs_of(w[5]) }
    state.codes[#state.codes + 1] = w[1]
  end
  return state
end

local function write_state(state)
  local list = { state.filled_at, state.called_at, state.hold_until, state.learned,
    state.learned_until, state.settled_at, now }
  for _, code in ipairs(state.codes) do
    local w = state.windows[code]
    list[#list + 1] = { code, w.limit, w.held, w.turn, flat(w.returning) }
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

-- ===== one window =====

local function retain(list, keep)
  local kept = {}
  for _, entry in ipairs(list) do
    if keep(entry) then kept[#kept + 1] = entry end
  end
  return kept
end

local function later(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end

local function total(list)
  local sum = 0
  for _, entry in ipairs(list) do sum = sum + entry[2] end
  return sum
end

local function take_back(window, free_at, count)
  if count == 0 then return end
  local at = 1
  while window.returning[at] and window.returning[at][1] < free_at do at = at + 1 end
  local entry = window.returning[at]
  if entry and entry[1] == free_at then
    entry[2] = entry[2] + count
  else
    table.insert(window.returning, at, { free_at, count })
  end
end

local function rounded(at, step)
  local over = at % step
  if over == 0 then return at end
  return at - over + step
end

local function step_of(code)
  if code == 0 then return 1 end
  if code > 0 then return max(div(code, 64), 1) end
  return DAY / 64
end

local function gone_at(code, expires)
  if code == 0 then return expires end
  if code > 0 then return expires + code + FLIGHT end
  return expires - expires % DAY + DAY + FLIGHT
end

local function settle(window, part, held, returned, trusted, now, step)
  if not trusted then held = min(held, part.held) end
  local lost = max(part.held - held, 0)
  part.late = retain(part.late, function(entry) return entry[1] > now end)
  for _, back in ipairs(returned) do
    local free_in, count = back[1], back[2]
    if not trusted then count = min(count, lost) end
    if free_in > 0 and count > 0 then take_back(window, rounded(now + free_in, step), count) end
    lost = max(lost - count, 0)
  end
  while lost > 0 and #part.late > 0 do
    local entry = table.remove(part.late)
    local gone = min(entry[2], lost)
    take_back(window, entry[1], gone)
    lost = lost - gone
    if entry[2] > gone then table.insert(part.late, { entry[1], entry[2] - gone }) end
  end
  local late = total(part.late)
  while late > held and #part.late > 0 do
    local entry = table.remove(part.late)
    local keep = max(entry[2] - (late - held), 0)
    late = late - (entry[2] - keep)
    if keep > 0 then table.insert(part.late, { entry[1], keep }) end
  end
  window.held = window.held - part.held + held
  part.held = held
end

local function grant(window, part, target, now)
  local granted = {}
  local missing = max(target - part.held, 0)
  local coming = total(window.returning)
  local free = min(max(window.limit - window.held - coming, 0), missing)
  if free > 0 then
    granted[1] = { 0, free }
    missing = missing - free
  end
  local gone = max(window.held + coming - window.limit, 0)
  local promised = 0
  for _, entry in ipairs(window.returning) do
    if missing == 0 or entry[1] > now + AHEAD then break end
    local skipped = min(gone, entry[2])
    gone = gone - skipped
    local some = min(missing, entry[2] - skipped)
    if some > 0 then
      granted[#granted + 1] = { entry[1] - now, some }
      table.insert(part.late, { entry[1], some })
      entry[2] = entry[2] - some
      missing = missing - some
      promised = promised + some
    end
  end
  window.returning = retain(window.returning, function(entry) return entry[2] > 0 end)
  table.sort(part.late, later)
  part.held = part.held + free + promised
  window.held = window.held + free + promised
  return granted
end

-- ===== who gets how much =====

local function pour(amount, cups, weights)
  local order, weight, got = {}, 0, {}
  for at = 1, #cups do
    got[at] = 0
    if weights[at] > 0 then
      order[#order + 1] = at
      weight = weight + weights[at]
    end
  end
  table.sort(order, function(a, b)
    local x, y = cups[a] * weights[b], cups[b] * weights[a]
    if x == y then return a < b end
    return x < y
  end)
  for _, at in ipairs(order) do
    got[at] = min(div(amount * weights[at], weight), cups[at])
    amount = amount - got[at]
    weight = weight - weights[at]
  end
  return got
end

local function pour_more(all, caps, parts, weights)
  local rest, left = all, {}
  for at = 1, #parts do
    rest = rest - parts[at]
    left[at] = caps[at] - parts[at]
  end
  if rest == 0 then return end
  for at, more in ipairs(pour(rest, left, weights)) do parts[at] = parts[at] + more end
end

local function fill(limit, wishes, turn)
  local wanted, caps, ones, weights, backlog, got = 0, {}, {}, {}, 0, {}
  for at, wish in ipairs(wishes) do
    wanted = wanted + wish[1]
    caps[at], ones[at], got[at] = wish[1] * PARTS, 1, wish[1]
    weights[at] = min(wish[2], MOST_QUEUED)
    backlog = backlog + weights[at]
  end
  if wanted <= limit then return got end
  local all = limit * PARTS
  local parts = pour(div(all, 2), caps, ones)
  if backlog == 0 then weights = ones end
  pour_more(all, caps, parts, weights)
  pour_more(all, caps, parts, ones)
  local over, open = limit, {}
  for at, part in ipairs(parts) do
    got[at] = div(part, PARTS)
    over = over - got[at]
    if got[at] < wishes[at][1] then open[#open + 1] = at end
  end
  over = min(over, #open)
  for next = 0, over - 1 do
    local at = open[(turn % #open * over + next) % #open + 1]
    got[at] = got[at] + 1
  end
  return got
end

local function turn_of(code, limit, wishes)
  if limit >= 2 * wishes then return SELDOM end
  return min(max(math.abs(code), 2000), OFTEN)
end

-- Short windows first; a day is a long one.
local function ordered(code) return code < 0 and DAY or code end

local function unclaimed(code, limit, instances, lease)
  local part, length = div(limit, instances), ordered(code)
  if length <= lease then return max(part, 1) end
  return max(div(part * lease, length), 1)
end

local function spare(window) return max(window.limit - window.held - total(window.returning), 0) end

-- Reads all members of a scope, buries the dead, and computes everyone's part.
local function fill_all(key, state, speaker, record, now)
  local all, ids, changed = { [speaker] = record }, { speaker }, {}
  local fields = redis.call('HGETALL', key)
  for at = 1, #fields, 2 do
    local id = fields[at]
    if id ~= 's' and id ~= speaker then
      local other = read_record(fields[at + 1])
      if other then
        all[id] = other
        ids[#ids + 1] = id
      else
        redis.call('HDEL', key, id)
      end
    end
  end
  table.sort(ids)
  local alive = {}
  for _, id in ipairs(ids) do
    local other = all[id]
    if other.expires > now then
      alive[#alive + 1] = id
    else
      local stays = false
      for code, part in pairs(other.parts) do
        if part.held > 0 and gone_at(code, other.expires) > now then
          stays = true
        else
          if state.windows[code] then
            state.windows[code].held = state.windows[code].held - part.held
          end
          other.parts[code] = nil
          changed[id] = true
        end
      end
      if not stays then
        redis.call('HDEL', key, id)
        changed[id] = nil
        all[id] = nil
      end
    end
  end
  local codes, scarce = {}, nil
  for at, code in ipairs(state.codes) do codes[at] = code end
  table.sort(codes, function(a, b) return ordered(a) < ordered(b) end)
  for _, code in ipairs(codes) do
    local window, limit, wishes, wishing, wanted = state.windows[code], nil, {}, {}, 0
    for _, id in ipairs(alive) do
      local part = all[id].parts[code]
      if part then limit = min(limit or part.limit, part.limit) end
    end
    if limit then
      if state.learned > 0 then
        limit = min(max(div(limit * state.learned, 1000000), 1), limit)
      end
      window.limit = limit
      for _, id in ipairs(alive) do
        local part = all[id].parts[code]
        if part then
          part.before, part.target = part.target, 0
          if part.want > 0 then
            local want = min(part.want, limit)
            local target = scarce and scarce.targets[id]
            if target and limit * target < EXACT then
              local over = limit * target % scarce.limit
              local most = div(limit * target, scarce.limit) + (over > 0 and 1 or 0)
              want = min(want, max(most, 1))
            end
            wanted = wanted + want
            wishing[#wishing + 1] = id
            wishes[#wishes + 1] = { want, part.queued }
          end
        end
      end
      local turn = turn_of(code, limit, #wishes)
      window.turn = turn < SELDOM and turn or 0
      local targets = {}
      for at, target in ipairs(fill(limit, wishes, div(now, turn))) do
        all[wishing[at]].parts[code].target = target
        targets[wishing[at]] = target
      end
      if wanted > limit and code ~= 0 then scarce = { limit = limit, targets = targets } end
      for _, id in ipairs(alive) do
        local part = all[id].parts[code]
        if part and part.before ~= part.target then changed[id] = true end
      end
    end
  end
  changed[speaker] = nil
  local writes = {}
  for id in pairs(changed) do
    writes[#writes + 1] = id
    writes[#writes + 1] = write_record(all[id])
    if #writes >= 1000 then
      redis.call('HSET', key, unpack(writes))
      writes = {}
    end
  end
  if #writes > 0 then redis.call('HSET', key, unpack(writes)) end
  return all, ids
end

-- ===== the exchange =====

local born_key, members_key = KEYS[1], KEYS[2]
local member, number, lease, channel = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local next_arg = 4
local function arg()
  next_arg = next_arg + 1
  return ARGV[next_arg]
end
local function num() return tonumber(arg()) end

-- All is read before anything is written: an exchange that came too late, or a
-- key of the wrong type, changes nothing.
local asks, lost = {}, false
for at = 3, #KEYS do
  local ask = { key = KEYS[at], name = arg(), acknowledged = num(), claim = num() == 1,
    hold = num(), learned = num(), windows = {} }
  for w = 1, num() do
    local window = { code = num(), limit = num(), held = num(), want = num(), queued = num(),
      returned = {} }
    for r = 1, num() do window.returned[r] = { num(), num() } end
    ask.windows[w] = window
  end
  local stored = redis.call('HMGET', ask.key, 's', member)
  ask.state, ask.record = read_state(stored[1]), read_record(stored[2])
  -- What nobody can read is lost, and what goes with it.
  if ask.state.lost or not stored[1] and redis.call('HLEN', ask.key) > 0 then
    lost, ask.lost, ask.record = true, true, nil
  end
  if ask.record and ask.record.number >= number then return { -1 } end
  asks[#asks + 1] = ask
end

local born = tonumber(redis.call('GET', born_key) or '')
if not born or lost or born > now + BACK then
  born = now
  -- First what a server that is full refuses: later on, it no longer does.
  redis.call('SET', born_key, string.format('%.0f', born))
  redis.call('DEL', members_key)
end
redis.call('PEXPIRE', born_key, lease + KEPT)
redis.call('ZADD', members_key, now + lease, member)
redis.call('ZREMRANGEBYSCORE', members_key, '-inf', now)
redis.call('PEXPIRE', members_key, lease + KEPT)
local instances = max(redis.call('ZCARD', members_key), 1)
local born_settled_at = born + lease
local reply = { 1, born, instances }
local function say(value) reply[#reply + 1] = value end
local function tell(kind, value, name)
  redis.call('PUBLISH', channel, kind .. ' ' .. value .. ' ' .. name)
end

for _, ask in ipairs(asks) do
  local state, key = ask.state, ask.key
  if ask.lost then redis.call('DEL', key) end
  if state.learned_until <= now then state.learned = 0 end
  if ask.hold >= 0 and now + ask.hold > state.hold_until then
    state.hold_until = now + ask.hold
    tell('hold', ask.hold, ask.name)
  end
  if ask.learned >= 0 then
    local ratio = min(max(ask.learned, 1), 1000000)
    if ratio ~= state.learned then tell('learned', ratio, ask.name) end
    state.learned, state.learned_until = ratio, now + LEARNED
  end

  local record = ask.record
  local is_new = not record
  if ask.claim or is_new and ask.acknowledged > 0 then state.settled_at = now + RECLAIM end
  local trusted = ask.claim or is_new or record.number < ask.acknowledged
  record = record or { parts = {} }
  record.number, record.expires = number, now + lease
  local counts, longest, fresh = {}, 0, false
  for _, says in ipairs(ask.windows) do
    local code = says.code
    local window = state.windows[code]
    if not window then
      window = { limit = 0, held = 0, turn = 0, returning = {} }
      state.windows[code] = window
      state.codes[#state.codes + 1] = code
    end
    local part = record.parts[code]
    if not part then
      part = { limit = 0, held = 0, want = 0, queued = 0, target = 0, late = {} }
      record.parts[code] = part
    end
    window.returning = retain(window.returning, function(entry) return entry[1] > now end)
    settle(window, part, says.held, says.returned, trusted, now, step_of(code))
    part.limit, part.want, part.queued = says.limit, says.want, says.queued
    says.before, counts[code] = part.held, true
    longest = max(longest, code < 0 and DAY or code)
  end
  for code, part in pairs(record.parts) do
    if not counts[code] then
      local window = state.windows[code]
      if window then
        window.held = window.held - part.held
        take_back(window, rounded(gone_at(code, now), step_of(code)), part.held)
      end
      record.parts[code] = nil
    end
  end
  for _, code in ipairs(state.codes) do
    if state.windows[code].limit == 0 then fresh = true end
  end

  -- The member itself, and the state, may not be stored yet.
  local members = redis.call('HLEN', key) + (is_new and 1 or 0)
    - redis.call('HEXISTS', key, 's')
  local all, ids
  if members <= FEW or fresh or now >= state.filled_at + min(members, 1000) then
    state.filled_at = now
    all, ids = fill_all(key, state, member, record, now)
    members = 0
    for _, id in ipairs(ids) do
      if all[id] then members = members + 1 end
    end
  end

  local settled_at = max(born_settled_at, state.settled_at)
  local ask_in, missing, windows = -1, false, {}
  local function sooner(time)
    if ask_in < 0 or time < ask_in then ask_in = time end
  end
  for at, says in ipairs(ask.windows) do
    local code = says.code
    local window, part = state.windows[code], record.parts[code]
    local target
    if all then
      target = part.target
    elseif is_new then
      target = min(part.want, div(window.limit, members))
    else
      target = min(part.target, part.want)
    end
    if now < settled_at then
      local most = says.before
      if most == 0 then most = unclaimed(code, window.limit, instances, lease) end
      target = min(target, most)
      if part.want > target then sooner(settled_at - now) end
    end
    local granted = grant(window, part, target, now)
    if part.held < target then
      missing = true
      local first = window.returning[1]
      sooner(first and max(first[1] - now - AHEAD, AHEAD / 2) or AGAIN)
    elseif part.want > part.held and window.turn > 0 then
      sooner(window.turn - now % window.turn)
    end
    windows[at] = { target, part.held, window.limit, div(spare(window), instances), granted }
  end

  if missing and all and now >= state.called_at + AGAIN then
    local called = {}
    for _, id in ipairs(ids) do
      local other = all[id]
      if #called < CALLED and other and id ~= member and other.expires > now then
        for _, part in pairs(other.parts) do
          if part.held > part.target then
            called[#called + 1] = id
            break
          end
        end
      end
    end
    if #called > 0 then
      state.called_at = now
      tell('wanted', table.concat(called, ','), ask.name)
    end
  end

  redis.call('HSET', key, 's', write_state(state), member, write_record(record))
  redis.call('PEXPIRE', key, lease + longest + FLIGHT + KEPT + max(state.hold_until - now, 0))

  say(state.hold_until > now and state.hold_until - now or -1)
  say(state.learned > 0 and state.learned or -1)
  say(ask_in)
  for _, window in ipairs(windows) do
    say(window[1])
    say(window[2])
    say(window[3])
    say(window[4])
    say(#window[5])
    for _, some in ipairs(window[5]) do
      say(some[1])
      say(some[2])
    end
  end
end
return reply
