-- The exchange itself.

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
    hold = num(), windows = {} }
  for w = 1, num() do
    local window = { code = num(), limit = num(), held = num(), want = num(), queued = num(),
      learned = num(), returned = {} }
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
  if ask.hold >= 0 and now + ask.hold > state.hold_until then
    state.hold_until = now + ask.hold
    tell('hold', ask.hold, ask.name)
  end

  local record = ask.record
  local is_new = not record
  if ask.claim or is_new and ask.acknowledged > 0 then state.settled_at = now + RECLAIM end
  local unheard = not is_new and record.number > ask.acknowledged
  local trusted = ask.claim or is_new or record.number < ask.acknowledged
  record = record or { parts = {} }
  record.number, record.expires = number, now + lease
  local counts, longest, fresh, deaf = {}, 0, false, 0
  for _, says in ipairs(ask.windows) do
    local code = says.code
    local window = state.windows[code]
    if not window then
      window = { limit = 0, held = 0, turn = 0, learned = 0, learned_until = 0, returning = {} }
      state.windows[code] = window
      state.codes[#state.codes + 1] = code
    end
    local part = record.parts[code]
    if not part then
      part = { limit = 0, held = 0, want = 0, queued = 0, target = 0, late = {} }
      record.parts[code] = part
    end
    window.returning = retain(window.returning, function(entry) return entry[1] > now end)
    if window.learned_until <= now then window.learned = 0 end
    local said = says.held
    for _, back in ipairs(says.returned) do said = said + back[2] end
    if code == 0 and not trusted and not unheard and part.held > said then deaf = 1 end
    settle(window, part, says.held, says.returned, trusted, unheard, code == 0, now, step_of(code))
    part.limit, part.want, part.queued = says.limit, says.want, says.queued
    if says.learned >= 0 then
      local ratio = min(max(says.learned, 1), 1000000)
      if ratio ~= window.learned then tell('learned', ratio .. ',' .. code, ask.name) end
      window.learned, window.learned_until = ratio, now + LEARNED
    end
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
      target = min(part.target, code == 0 and max(part.want, part.held) or part.want)
    end
    if now < settled_at then
      local most = says.before
      if most == 0 or ask.acknowledged == 0 and ordered(code) > lease then
        most = max(most, unclaimed(code, window.limit, instances, lease))
      end
      target = min(target, most)
      if part.want > target then sooner(settled_at - now) end
    end
    local others, most = 0, 0
    for _, id in ipairs(code ~= 0 and ids or {}) do
      local other = all[id] and id ~= member and all[id].expires > now and all[id].parts[code]
      if other then
        local some = max(other.target - other.held, 0)
        others, most = others + some, max(most, some)
      end
    end
    local granted = grant(window, part, fair(window, part, target, others, most, now), now)
    if part.held < target then
      missing = missing or code ~= 0
      local first = window.returning[1]
      local least = ordered(code) > AHEAD and LATER or AHEAD / 2
      sooner(first and max(first[1] - now - AHEAD, least) or AGAIN)
    elseif part.want > part.held and window.turn > 0 then
      sooner(window.turn - now % window.turn)
    end
    windows[at] = { target, part.held, window.limit, div(spare(window), code == 0 and 1 or instances),
      granted, window.learned > 0 and window.learned or -1 }
  end

  -- The permits that are free go on to those who miss some, and those who hold
  -- some hear that the speaker waits.
  local permits, own, handed = state.windows[0], record.parts[0], {}
  if all and permits then
    local settled = now >= settled_at
    local calls = own and own.want > own.held and now >= state.called_at + AGAIN
    if calls or spare(permits) > 0 then
      local order, told, rest = {}, {}, {}
      for _, id in ipairs(ids) do if id > member then order[#order + 1] = id end end
      for _, id in ipairs(ids) do if id < member then order[#order + 1] = id end end
      for _, id in ipairs(order) do
        local other = all[id]
        local part = other and other.expires > now and other.parts[0]
        if part then
          local target = part.target
          if not settled then
            target = part.held > 0 and part.held
              or min(target, unclaimed(0, permits.limit, instances, lease))
          end
          local some = min(max(target - part.held, 0), spare(permits))
          part.held = part.held + some
          permits.held = permits.held + some
          if some > 0 then
            handed[#handed + 1] = id
            handed[#handed + 1] = write_record(other)
            if #handed >= 1000 then
              redis.call('HSET', key, unpack(handed))
              handed = {}
            end
          end
          if some > 0 or calls and part.held > 0 then
            local text = string.format('%s:%.0f:%.0f:%.0f', id, other.number, part.held, part.target)
            local first = some > 0 or part.held > part.target and #told < CALLED
            local list = first and told or rest
            list[#list + 1] = text
          end
        end
      end
      for at = 1, CALLED - #told do told[#told + 1] = rest[at] end
      if calls then state.called_at = now end
      if #told > 0 then tell('permits', table.concat(told, ','), ask.name) end
    end
    for at, says in ipairs(ask.windows) do
      if says.code == 0 then windows[at][4] = spare(permits) end
    end
  end

  if missing and all and now >= state.called_at + AGAIN then
    local called = {}
    for _, id in ipairs(ids) do
      local other = all[id]
      if #called < CALLED and other and id ~= member and other.expires > now then
        for code, part in pairs(other.parts) do
          if code ~= 0 and part.held > part.target then
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

  if #handed > 0 then redis.call('HSET', key, unpack(handed)) end
  redis.call('HSET', key, 's', write_state(state), member, write_record(record))
  redis.call('PEXPIRE', key, lease + longest + FLIGHT + KEPT + max(state.hold_until - now, 0))

  say(state.hold_until > now and state.hold_until - now or -1)
  say(ask_in)
  say(deaf)
  for _, window in ipairs(windows) do
    say(window[1])
    say(window[2])
    say(window[3])
    say(window[4])
    say(window[6])
    say(#window[5])
    for _, some in ipairs(window[5]) do
      say(some[1])
      say(some[2])
    end
  end
end
return reply
