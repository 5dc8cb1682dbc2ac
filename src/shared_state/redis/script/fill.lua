-- Who gets how many tokens, by how many each has a use for.

local function pour(amount, cups, weights)
  local order, weight, got = {}, 0, {}
  for at = 1, #cups do
    got[at] = 0
    if weights[at] > 0 then
      order[#order + 1] = at
      weight = weight + weights[at]
    end
  end
  local function before(a, b)
    local x, y = cups[a] * weights[b], cups[b] * weights[a]
    if x == y then return a < b end
    return x < y
  end
  -- Mostly they are alike, and a sort of many is what costs most.
  for at = 2, #order do
    if before(order[at], order[at - 1]) then
      table.sort(order, before)
      break
    end
  end
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

-- Whole tokens, and in parts what each has in the long run.
local function fill(limit, wishes, turn, none_first)
  local wanted, caps, ones, weights, backlog, got = 0, {}, {}, {}, 0, {}
  for at, wish in ipairs(wishes) do
    wanted = wanted + wish[1]
    caps[at], ones[at], got[at] = wish[1] * PARTS, 1, wish[1]
    weights[at] = min(wish[2], MOST_QUEUED)
    backlog = backlog + weights[at]
  end
  if wanted <= limit then return got, caps end
  local all = limit * PARTS
  local parts = pour(div(all, 2), caps, ones)
  if backlog == 0 then weights = ones end
  pour_more(all, caps, parts, weights)
  pour_more(all, caps, parts, ones)
  local over, open, means = limit, {}, {}
  for at, part in ipairs(parts) do
    got[at] = div(part, PARTS)
    over = over - got[at]
    if none_first and got[at] == 0 and wishes[at][1] > 0 then open[#open + 1] = at end
  end
  if #open <= over then
    over = over - #open
    for _, at in ipairs(open) do got[at] = 1 end
    open = {}
    for at, wish in ipairs(wishes) do
      if got[at] < wish[1] then open[#open + 1] = at end
    end
  end
  over = min(over, #open)
  for at, count in ipairs(got) do means[at] = count * PARTS end
  for _, at in ipairs(open) do means[at] = means[at] + div(over * PARTS + #open - 1, #open) end
  for next = 0, over - 1 do
    local at = open[(turn % #open * over + next) % #open + 1]
    got[at] = got[at] + 1
  end
  return got, means
end

local function turn_of(code, limit, wishes)
  if limit >= 2 * wishes then return SELDOM end
  if code == 0 then return PERMITS end
  return min(max(math.abs(code), SOON), OFTEN)
end

-- Short windows first; a day is a long one.
local function ordered(code) return code < 0 and DAY or code end

local function unclaimed(code, limit, instances, lease)
  local part, length = div(limit + instances - 1, instances), ordered(code)
  if length <= lease then return part end
  return max(div(part * lease, length), 1)
end

local function spare(window) return max(window.limit - window.held - total(window.returning), 0) end
