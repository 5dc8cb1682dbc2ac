local function leave(window, limit, parts, targets, turn)
  local missing, wanted = 0, {}
  for at, part in ipairs(parts) do missing = missing + max(targets[at] - part.held, 0) end
  local over = max(spare(window) - missing, 0)
  if over == 0 then return end
  for at, part in ipairs(parts) do
    targets[at] = max(targets[at], min(part.held, part.want, limit))
    wanted[at] = { min(part.want, limit) - targets[at], part.queued }
  end
  for at, more in ipairs((fill(over, wanted, turn, true))) do targets[at] = targets[at] + more end
end

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
    local window, limit, wishes, wishing, wanted, parts = state.windows[code], nil, {}, {}, 0, {}
    for _, id in ipairs(alive) do
      local part = all[id].parts[code]
      if part then limit = min(limit or part.limit, part.limit) end
    end
    if limit then
      if window.learned > 0 then
        limit = min(max(div(limit * window.learned, 1000000), 1), limit)
      end
      window.limit = limit
      for _, id in ipairs(alive) do
        local part = all[id].parts[code]
        if part then
          part.before, part.target = part.target, 0
          if part.want > 0 then
            local want = min(part.want, limit)
            local share = scarce and scarce.parts[id]
            if share and limit * share < EXACT then
              local of = scarce.limit * PARTS
              local over = limit * share % of
              local most = div(limit * share, of) + (over > 0 and 1 or 0)
              want = min(want, max(most, 1))
            end
            wanted = wanted + want
            wishing[#wishing + 1] = id
            parts[#parts + 1] = part
            wishes[#wishes + 1] = { want, part.queued }
          end
        end
      end
      local turn = turn_of(code, limit, #wishes)
      window.turn = turn < SELDOM and turn or 0
      local targets, means = fill(limit, wishes, div(now, turn), code ~= 0)
      if scarce then leave(window, limit, parts, targets, div(now, turn)) end
      local shares = {}
      for at, target in ipairs(targets) do
        parts[at].target = target
        shares[wishing[at]] = turn == SELDOM and target * PARTS or means[at]
      end
      if code == 0 then
        -- A permit that nobody else has a use for may stay where it is.
        local left = limit
        for _, id in ipairs(alive) do
          local part = all[id].parts[code]
          if part then left = left - part.target end
        end
        for _, id in ipairs(alive) do
          local part = all[id].parts[code]
          if part then
            local more = min(max(part.held - part.target, 0), max(left, 0))
            part.target = part.target + more
            left = left - more
          end
        end
      end
      if wanted > limit and code ~= 0 then scarce = { limit = limit, parts = shares } end
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
