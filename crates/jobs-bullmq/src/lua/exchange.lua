-- How attempts ended, and what the worker gets next. Arguments: how many ends, 9 for each; then the claim, if any:
-- worker, how many, lease in ms, how many queues, these, how many patterns of tools, these.
local at = FIRST + 1
local function next_one()
  at = at + 1
  return ARGV[at - 1]
end

-- BullMQ's own check for lost workers fills this set now and then; most of the time there is none.
local stalled = {}
local function has_stalled(queue)
  if stalled[queue] == nil then stalled[queue] = call('EXISTS', key(queue, 'stalled')) == 1 end
  return stalled[queue]
end

-- The locks of all jobs of a message that only tells of completed ones: nothing in it changes another's lock.
local locks = {}
local function lock_of(k)
  if locks[k] ~= nil then return locks[k] end
  return call('GET', k .. ':lock')
end

-- Takes a job whose lock is there from its worker.
local function step_aside(queue, id, k)
  if locks[k] then locks[k] = false else call('DEL', k .. ':lock') end
  if has_stalled(queue) then call('SREM', key(queue, 'stalled'), id) end
  call('LREM', key(queue, 'active'), -1, id)
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

local RESULT_TOLD_MAX = 65536 -- a larger result is not in the stream of events

-- What this message completed: for each queue, what its set gets; and the locks that are to go.
local completed, unlocked = {}, {}

-- Completes a job whose lock is its worker's. This is what most messages are about: each field is read and written once.
local function complete(queue, id, k, token, end_of)
  local h = call('HMGET', k, 'timestamp', 'atm', 'dbDeadline', 'parentKey', 'deid', 'dbCheckpoint', 'dbAnswer')
  if not h[1] then return { 'not_found', '' } end
  local attempt, value = tonumber(h[2] or 0) + 1, end_of.value
  if locks[k] then unlocked[#unlocked + 1] = k .. ':lock' end
  step_aside(queue, id, k)
  if attempt > 1 or h[6] or h[7] then
    call('HDEL', k, 'failedReason', 'dbFailure', 'dbCheckpoint', 'dbAnswer', 'dbState')
  end
  if end_of.progress ~= '' then call('HSET', k, 'progress', end_of.progress) end
  call('HSET', k, 'atm', attempt, 'finishedOn', NOW_TEXT, 'returnvalue', value, 'dbOpen', '0')
  local set = completed[queue] or {}
  completed[queue] = set
  set[#set + 1], set[#set + 2] = NOW_TEXT, id
  untie(queue, id, true, value, h[3], h[4], h[5])
  if #value > RESULT_TOLD_MAX then
    event(queue, id, 'completed', 'completed', attempt, token, 'prev', 'active')
  elseif attempt ~= tonumber(token) then
    event(queue, id, 'completed', 'completed', attempt, token, 'returnvalue', value, 'prev', 'active')
  else
    tell(queue, 'event', 'completed', 'jobId', id, 't', token, 'returnvalue', value, 'prev', 'active')
  end
  return { 'ok', 'completed' }
end

-- Writes what `complete` left for the end of the message.
local function put_away()
  call_with(unlocked, 'DEL')
  for queue, set in pairs(completed) do
    call_with(set, 'ZADD', key(queue, 'completed'))
    trim(queue, 'completed', KEEP_DONE, KEEP_DONE_MS, #set / 2)
  end
  unlocked, completed = {}, {}
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
  call('ZADD', key(queue, 'waiting-children'), NOW_TEXT, id)
  event(queue, id, 'waiting-children', 'awaits_children', h[3] or 0, h[4] or 0)
  return 'scheduled'
end

local function settle(queue, id, k, end_of)
  if end_of.progress ~= '' then call('HSET', k, 'progress', end_of.progress) end
  local kind = end_of.kind
  if kind == 'failed' then return retry_or_die(queue, id, k, end_of) end
  if kind == 'released' then
    enqueue(queue, id, 'active', 'released', true)
    return 'queued'
  end
  if kind == 'asked' then
    call('HSET', k, 'dbQuestion', end_of.value)
    call('ZADD', key(queue, 'waiting-children'), NOW_TEXT, id)
    local attempt, token = numbers(queue, id)
    event(queue, id, 'waiting-children', 'asked_input', attempt, token)
    return 'waiting_for_input'
  end
  return await_children(queue, id, k)
end

local function hear(end_of)
  local queue, id = inner(end_of.name)
  local k, token = key(queue, id), end_of.token
  local lock = lock_of(k)
  local is_ours = lock == 'drawbridge:' .. token
  if is_ours and end_of.kind == 'completed' then return complete(queue, id, k, token, end_of) end
  put_away()
  if not is_job(queue, id) then return { 'not_found', '' } end
  local said = token .. ' ' .. end_of.kind
  local h = call('HMGET', k, 'dbSaid', 'ats')
  if h[2] == token then
    local state = state_of(queue, id)
    if h[1] == said or end_of.kind == 'completed' and state == 'completed' then return { 'ok', state } end
  end
  if lock == 'stop:' .. token then
    call('HSET', k, 'dbSaid', said, 'dbOpen', '0')
    step_aside(queue, id, k)
    call('HINCRBY', k, 'atm', 1)
    fail(queue, id, 'cancelled', 'cancelled', 'it was cancelled', false)
    return { 'ok', 'cancelled' }
  end
  if not is_ours then return { 'stale', state_of(queue, id) } end
  if end_of.kind == 'stopped' then return { 'not_stopping', 'running' } end
  call('HSET', k, 'dbSaid', said, 'dbOpen', '0')
  step_aside(queue, id, k)
  return { 'ok', settle(queue, id, k, end_of) }
end

local ends, of_ends, is_only_completed = {}, {}, true
for number = 1, tonumber(ARGV[FIRST]) do
  local end_of = { name = next_one(), token = next_one(), kind = next_one(), value = next_one(), code = next_one(),
    message = next_one() }
  end_of.is_retryable = next_one() == '1'
  end_of.after_ms = tonumber(next_one())
  end_of.roll = tonumber(next_one())
  end_of.progress = next_one()
  ends[number], of_ends[number] = end_of, key(inner(end_of.name)) .. ':lock'
  is_only_completed = is_only_completed and end_of.kind == 'completed'
end
if is_only_completed and #ends > 1 and #ends < LIST_MAX then
  for number, lock in ipairs(call('MGET', unpack(of_ends))) do
    locks[string.sub(of_ends[number], 1, -6)] = lock
  end
end
local heard = {}
for number, end_of in ipairs(ends) do heard[number] = hear(end_of) end
put_away()
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
  local h = call('HMGET', k, 'name', 'data', 'atm', 'ats', 'dbAttempts', 'dbStop', 'dbOpen', 'defa', 'dbDeadline',
    'dbCheckpoint', 'dbAnswer')
  if not h[1] then
    call('LREM', key(queue, 'active'), 1, id)
    return
  end
  if h[6] or h[7] == '1' or h[8] then
    call('LREM', key(queue, 'active'), 1, id)
    if h[6] then return fail(queue, id, 'cancelled', 'cancelled', 'it was cancelled', false) end
    if h[8] then return fail(queue, id, 'failed', 'child', h[8], false) end
    return lose(queue, id) -- BullMQ's own check put it back, without counting the attempt
  end
  if h[9] and tonumber(h[9]) <= NOW then return miss_deadline(queue, id) end
  local attempt, token = tonumber(h[3] or 0) + 1, tonumber(h[4] or 0) + 1
  call('SET', k .. ':lock', 'drawbridge:' .. token, 'PX', lease_ms)
  call('HSET', k, 'ats', token, 'processedOn', NOW_TEXT, 'pb', worker, 'dbOpen', '1')
  if attempt == token then
    tell(queue, 'event', 'active', 'jobId', id, 't', token, 'prev', 'waiting')
  else
    event(queue, id, 'active', 'started', attempt, token, 'prev', 'waiting')
  end
  -- Of its options we need how many attempts there may be, which our own jobs say themselves.
  local options = h[5] and '{}' or call('HGET', k, 'opts') or '{}'
  work[#work + 1] = { queue, id, token, h[1], h[2], options, attempt, h[9] or '', h[10] or '', h[11] or '', h[5] or '' }
end

local function has_room(queue)
  local h = call('HMGET', key(queue, 'meta'), 'paused', 'concurrency')
  if h[1] then return 0 end
  if not h[2] then return most end
  return math.max(0, tonumber(h[2]) - call('LLEN', key(queue, 'active')))
end

-- The jobs that come next, those without a priority first. They are in the active list then.
local function take_next(queue, count)
  local ids = call('RPOP', key(queue, 'wait'), count) or {}
  if #ids < count then
    local urgent = call('ZPOPMIN', key(queue, 'prioritized'), count - #ids)
    for number = 1, #urgent, 2 do ids[#ids + 1] = urgent[number] end
  end
  if #ids > 0 then call_with(ids, 'LPUSH', key(queue, 'active')) end
  return ids
end

local function claim_any(queue, room)
  local before = #work
  while #work - before < room do
    local ids = take_next(queue, room - (#work - before))
    if #ids == 0 then break end
    for _, id in ipairs(ids) do hand_over(queue, id) end
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
