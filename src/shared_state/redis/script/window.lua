-- One window: who gives back, and who gets.

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

local function settle(window, part, held, returned, trusted, unheard, permits, now, step)
  if not trusted then
    held = min(held, part.held)
  elseif permits and window.limit > 0 then
    held = min(held, max(window.limit - (window.held - part.held), 0))
  end
  local lost = max(part.held - held, 0)
  part.late = retain(part.late, function(entry) return entry[1] > now end)
  local all = {}
  for _, back in ipairs(returned) do all[#all + 1] = { now + back[1], back[2], false } end
  if unheard and not trusted then
    for _, entry in ipairs(part.late) do all[#all + 1] = { entry[1], entry[2], true } end
    part.late = {}
  end
  table.sort(all, function(one, other)
    if one[1] ~= other[1] then return one[1] > other[1] end
    if one[2] ~= other[2] then return one[2] > other[2] end
    return one[3] and not other[3]
  end)
  for _, back in ipairs(all) do
    local some = back[2]
    if not trusted then some = min(some, lost) end
    if back[1] > now and some > 0 then take_back(window, rounded(back[1], step), some) end
    if back[3] and back[2] > some then
      table.insert(part.late, { back[1], back[2] - some })
    end
    lost = max(lost - some, 0)
  end
  table.sort(part.late, later)
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

local function fair(window, part, target, others, most, now)
  local missing, soon = max(target - part.held, 0), 0
  for _, entry in ipairs(window.returning) do
    if entry[1] > now + AHEAD then break end
    soon = soon + entry[2]
  end
  local there = max(window.limit + soon - window.held - total(window.returning), 0)
  local all = missing + others
  local parts = there * missing
  if missing >= most then parts = parts + max(all - 1, 0) end
  if others == 0 or parts >= EXACT then return target end
  return min(target, part.held + div(parts, all))
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
