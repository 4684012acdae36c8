-- How attempts ended, and what the worker gets next. Arguments: how many ends, 9 for each; then the claim, if any:
-- worker, how many, lease in ms, how many queues, these, how many patterns of tools, these.
local at = FIRST + 1
local function next_one()
  at = at + 1
  return ARGV[at - 1]
end

local function step_aside(queue, id, k)
  unhand(queue, id)
  call('HDEL', k, 'dbOpen')
end

local function pause_ms(k, attempt, roll)
  local base, longest, jitter = string.match(call('HGET', k, 'dbBackoff') or '', '^(%d+) (%d+) (%d+)$')
  if not base then
    local opts = cjson.decode(call('HGET', k, 'opts') or '{}')
    local backoff = type(opts.backoff) == 'table' and opts.backoff or { delay = tonumber(opts.backoff) or 0 }
    base, longest, jitter = tonumber(backoff.delay) or 0, 86400000, 0
    if backoff.type == 'fixed' then longest = base end
  end
  local full = math.min(tonumber(base) * 2 ^ math.min(attempt - 1, 32), tonumber(longest))
  return math.floor(full - full * tonumber(jitter) / 100 * roll / 4294967295)
end

local function retry_or_die(queue, id, k, end_of)
  local attempt = call('HINCRBY', k, 'atm', 1)
  local h = call('HMGET', k, 'dbAttempts', 'opts', 'dbDeadline', 'ats')
  local most = tonumber(h[1] or (h[2] and cjson.decode(h[2]).attempts) or 1)
  if not end_of.is_retryable then
    fail(queue, id, 'failed', end_of.code, end_of.message, false, end_of.value)
    return 'failed'
  end
  if attempt >= most then
    fail(queue, id, 'dead', end_of.code, end_of.message, true, end_of.value)
    return 'dead'
  end
  local pause = end_of.after_ms or pause_ms(k, attempt, end_of.roll)
  if h[3] and tonumber(h[3]) <= NOW + pause then
    fail(queue, id, 'failed', end_of.code, end_of.message, true, end_of.value)
    return 'failed'
  end
  call('HSET', k, 'failedReason', end_of.message, 'dbFailure', end_of.value)
  if pause == 0 then
    enqueue(queue, id, 'active', 'retrying', true)
    return 'queued'
  end
  call('HSET', k, 'dbRunAt', NOW + pause)
  delay(queue, id, NOW + pause)
  event(queue, id, 'delayed', 'retrying', attempt, h[4] or 0, 'delay', NOW + pause)
  return 'scheduled'
end

local function complete(queue, id, k, value)
  local attempt = call('HINCRBY', k, 'atm', 1)
  call('HSET', k, 'finishedOn', NOW, 'returnvalue', value)
  call('HDEL', k, 'dbOpen', 'dbFailure', 'failedReason', 'dbCheckpoint', 'dbAnswer', 'dbState')
  finish(queue, id, 'completed', true, value)
  local token = call('HGET', k, 'ats') or 0
  if #value <= 65536 then
    event(queue, id, 'completed', 'completed', attempt, token, 'returnvalue', value, 'prev', 'active')
  else
    event(queue, id, 'completed', 'completed', attempt, token, 'prev', 'active')
  end
  return 'completed'
end

local function await_children(queue, id, k)
  local h = call('HMGET', k, 'dbStrict', 'dbChildFailed', 'atm', 'ats')
  if h[1] and h[2] then
    fail(queue, id, 'failed', 'child', 'a job that this one waits for ended badly', false)
    return 'failed'
  end
  if call('SCARD', k .. ':dependencies') == 0 then
    enqueue(queue, id, 'active', 'ready', true)
    return 'queued'
  end
  call('ZADD', key(queue, 'waiting-children'), NOW, id)
  event(queue, id, 'waiting-children', 'awaits_children', h[3] or 0, h[4] or 0)
  return 'scheduled'
end

local function settle(queue, id, k, end_of)
  if end_of.progress ~= '' then call('HSET', k, 'progress', end_of.progress) end
  local kind = end_of.kind
  if kind == 'completed' then return complete(queue, id, k, end_of.value) end
  if kind == 'failed' then return retry_or_die(queue, id, k, end_of) end
  if kind == 'released' then
    enqueue(queue, id, 'active', 'released', true)
    return 'queued'
  end
  if kind == 'asked' then
    call('HSET', k, 'dbQuestion', end_of.value)
    call('ZADD', key(queue, 'waiting-children'), NOW, id)
    local attempt, token = numbers(queue, id)
    event(queue, id, 'waiting-children', 'asked_input', attempt, token)
    return 'waiting_for_input'
  end
  return await_children(queue, id, k)
end

local function hear(queue, id, token, end_of)
  local k = key(queue, id)
  if not is_job(queue, id) then return { 'not_found', '' } end
  local said = token .. ' ' .. end_of.kind
  local h = call('HMGET', k, 'dbSaid', 'ats')
  if h[1] == said and h[2] == token then return { 'ok', state_of(queue, id) } end
  local lock = call('GET', k .. ':lock')
  if lock == 'stop:' .. token then
    call('HSET', k, 'dbSaid', said)
    step_aside(queue, id, k)
    call('HINCRBY', k, 'atm', 1)
    fail(queue, id, 'cancelled', 'cancelled', 'it was cancelled', false)
    return { 'ok', 'cancelled' }
  end
  if lock ~= 'drawbridge:' .. token then return { 'stale', state_of(queue, id) } end
  if end_of.kind == 'stopped' then return { 'not_stopping', 'running' } end
  call('HSET', k, 'dbSaid', said)
  step_aside(queue, id, k)
  return { 'ok', settle(queue, id, k, end_of) }
end

local heard = {}
for number = 1, tonumber(ARGV[FIRST]) do
  local queue, id = inner(next_one())
  local token = next_one()
  local end_of = { kind = next_one(), value = next_one(), code = next_one(), message = next_one() }
  end_of.is_retryable = next_one() == '1'
  end_of.after_ms = tonumber(next_one())
  end_of.roll = tonumber(next_one())
  end_of.progress = next_one()
  heard[number] = hear(queue, id, token, end_of)
end
if not ARGV[at] then return { heard, {}, 0 } end

local worker, most, lease_ms = next_one(), tonumber(next_one()), next_one()
local function list()
  local all = {}
  for number = 1, tonumber(next_one()) do all[number] = next_one() end
  return all
end
local wanted, tools = list(), list()
if #wanted == 0 then wanted = queues() end
local work, due = {}, nil
local function not_later(time)
  if time and (not due or time < due) then due = time end
end

-- Gives a job that is in the active list to the worker; or ends it, if it is not to run any more.
local function hand_over(queue, id)
  local k = key(queue, id)
  local h = call('HMGET', k, 'name', 'data', 'opts', 'atm', 'dbStop', 'dbOpen', 'dbDeadline', 'dbCheckpoint', 'dbAnswer',
    'defa', 'dbAttempts')
  if not h[1] then
    call('LREM', key(queue, 'active'), 1, id)
    return
  end
  if h[5] or h[6] or h[10] then
    call('LREM', key(queue, 'active'), 1, id)
    if h[5] then return fail(queue, id, 'cancelled', 'cancelled', 'it was cancelled', false) end
    if h[10] then return fail(queue, id, 'failed', 'child', h[10], false) end
    return lose(queue, id) -- BullMQ's own check put it back, without counting the attempt
  end
  if h[7] and tonumber(h[7]) <= NOW then return miss_deadline(queue, id) end
  local token = call('HINCRBY', k, 'ats', 1)
  call('SET', k .. ':lock', 'drawbridge:' .. token, 'PX', lease_ms)
  call('HSET', k, 'processedOn', NOW, 'pb', worker, 'dbOpen', '1')
  local attempt = tonumber(h[4] or 0) + 1
  event(queue, id, 'active', 'started', attempt, token, 'prev', 'waiting')
  work[#work + 1] = { queue, id, token, h[1], h[2], h[3] or '{}', attempt, h[7] or '', h[8] or '', h[9] or '',
    h[11] or '' }
end

local function has_room(queue)
  local h = call('HMGET', key(queue, 'meta'), 'paused', 'concurrency')
  if h[1] then return 0 end
  if not h[2] then return most end
  return math.max(0, tonumber(h[2]) - call('LLEN', key(queue, 'active')))
end

local function take_next(queue)
  local id = call('RPOPLPUSH', key(queue, 'wait'), key(queue, 'active'))
  if id then return id end
  local urgent = call('ZPOPMIN', key(queue, 'prioritized'))
  if #urgent == 0 then return end
  call('LPUSH', key(queue, 'active'), urgent[1])
  return urgent[1]
end

local function claim_any(queue, room)
  local before = #work
  for _ = 1, room do
    local id = take_next(queue)
    if not id then return #work - before end
    hand_over(queue, id)
  end
  return #work - before
end

local limits = {}
for member, value in pairs((function()
  local all, flat = {}, call('HGETALL', OURS .. 'limits')
  for number = 1, #flat, 2 do all[flat[number]] = flat[number + 1] end
  return all
end)()) do
  limits[member] = cjson.decode(value)
end
local is_limited = next(limits) ~= nil

local running = {}
if is_limited then
  for _, queue in ipairs(queues()) do
    for _, id in ipairs(call('LRANGE', key(queue, 'active'), 0, -1)) do
      local h = call('HMGET', key(queue, id), 'name', 'dbCaller')
      for _, member in ipairs({ 'queue ' .. queue, 'tool ' .. (h[1] or ''), 'caller ' .. (h[2] or '') }) do
        running[member] = (running[member] or 0) + 1
      end
    end
  end
end

local function limit_of(member)
  return limits[member] or limits[string.match(member, '^%a+ ') .. '\0']
end

local function has_started(member) return OURS .. 'starts:' .. member end

local function allows(member)
  local limit = limit_of(member)
  if not limit then return true end
  if limit.running_max and limit.running_max ~= cjson.null and (running[member] or 0) >= limit.running_max then
    return false
  end
  if limit.rate and limit.rate ~= cjson.null then
    local starts = has_started(member)
    call('ZREMRANGEBYSCORE', starts, 0, NOW - limit.rate.window_ms)
    if call('ZCARD', starts) >= limit.rate.starts_max then
      not_later(tonumber(call('ZRANGE', starts, 0, 0, 'WITHSCORES')[2]) + limit.rate.window_ms + 1)
      return false
    end
  end
  return true
end

local function count_start(member, id)
  running[member] = (running[member] or 0) + 1
  local limit = limit_of(member)
  if limit and limit.rate and limit.rate ~= cjson.null then
    local starts = has_started(member)
    call('ZADD', starts, NOW, id .. ' ' .. call('INCR', OURS .. 'start'))
    call('PEXPIRE', starts, limit.rate.window_ms + 1000)
  end
end

local function fits(name)
  if #tools == 0 then return true end
  for _, pattern in ipairs(tools) do
    if string.sub(pattern, -1) == '*' then
      if string.sub(name, 1, #pattern - 1) == string.sub(pattern, 1, -2) then return true end
    elseif pattern == name then
      return true
    end
  end
  return false
end

-- With limits or tools: the first that may run, of those that wait longest.
local function claim_some(queue, room)
  local before = #work
  local function look_at(id, take)
    if #work - before >= room then return false end
    local h = call('HMGET', key(queue, id), 'name', 'dbCaller')
    local members = { 'queue ' .. queue, 'tool ' .. (h[1] or ''), 'caller ' .. (h[2] or '') }
    if not fits(h[1] or '') then return true end
    for _, member in ipairs(members) do
      if not allows(member) then return true end
    end
    take(id)
    call('LPUSH', key(queue, 'active'), id)
    local had = #work
    hand_over(queue, id)
    if #work > had then
      for _, member in ipairs(members) do count_start(member, id) end
    end
    return true
  end
  local waiting = call('LRANGE', key(queue, 'wait'), -SCAN_MAX, -1)
  for number = #waiting, 1, -1 do
    local take = function(id) call('LREM', key(queue, 'wait'), -1, id) end
    if not look_at(waiting[number], take) then return #work - before end
  end
  for _, id in ipairs(call('ZRANGE', key(queue, 'prioritized'), 0, SCAN_MAX)) do
    if not look_at(id, function(one) call('ZREM', key(queue, 'prioritized'), one) end) then break end
  end
  return #work - before
end

-- Each queue gets its share first, then what others left.
local share = math.ceil(most / math.max(1, #wanted))
for round = 1, #wanted > 1 and 2 or 1 do
  for _, queue in ipairs(wanted) do
    if round == 1 then not_later(promote(queue)) end
    local room = math.min(round == 1 and share or most, most - #work, has_room(queue))
    if room > 0 then
      local claim = (is_limited or #tools > 0) and claim_some or claim_any
      claim(queue, room)
      -- Others who wait for this queue may be asleep.
      if call('LLEN', key(queue, 'wait')) > 0 or call('ZCARD', key(queue, 'prioritized')) > 0 then mark(queue) end
    end
  end
end
return { heard, work, due and math.max(1, due - NOW) or 0 }
