-- What every script of ours begins with. The keys and fields without "db" are BullMQ's, and its workers read them;
-- those with "db" are ours alone, and BullMQ passes over them. Everything is on the server's clock.
local call = redis.call
local PREFIX, KEEP_DONE, KEEP_DONE_MS, KEEP_BAD, KEEP_BAD_MS = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]),
  tonumber(ARGV[4]), tonumber(ARGV[5])
local FIRST = 6 -- where a script's own arguments begin
local time = call('TIME')
local NOW = time[1] * 1000 + math.floor(time[2] / 1000)
local NOW_TEXT = string.format('%.0f', NOW) -- where it is only written: numbers are made into texts each time
local DEFAULT, DEAD_LETTERS = 'async-tasks', 'dead-letter-tasks'
local EVENTS_MAX, REMOVED_MAX, SCAN_MAX = 100000, 100, 5000
local OURS = 'drawbridge:' .. PREFIX .. ':'

local function key(queue, suffix) return PREFIX .. ':' .. queue .. ':' .. suffix end

-- How a job is named outside: its id alone in the usual queue, else the queue's name before it.
local function outer(queue, id) return queue == DEFAULT and id or queue .. '~' .. id end

local function inner(name)
  if not string.find(name, '~', 1, true) then return DEFAULT, name end
  return string.match(name, '^(.*)~([^~]*)$')
end

-- Calls a command with a long list behind its own words, in parts that fit on Lua's stack. Answers with the sum.
local LIST_MAX = 4000
local function call_with(list, ...)
  local sum = 0
  for from = 1, #list, LIST_MAX do
    local words = { ... }
    for at = from, math.min(from + LIST_MAX - 1, #list) do words[#words + 1] = list[at] end
    sum = sum + call(unpack(words))
  end
  return sum
end

local function queues() return call('ZRANGE', OURS .. 'queues', 0, -1) end

local function is_job(queue, id)
  local k = key(queue, id)
  return id ~= '' and call('TYPE', k).ok == 'hash' and call('HEXISTS', k, 'timestamp') == 1
end

-- Adds to a queue's stream of events, and shortens it the first time.
local is_short = {}
local function tell(queue, ...)
  local stream = key(queue, 'events')
  if is_short[queue] then return call('XADD', stream, '*', ...) end
  is_short[queue] = true
  call('XADD', stream, 'MAXLEN', '~', EVENTS_MAX, '*', ...)
end

-- The same with our own word for it, the attempt and the token. The usual events go without: where the word is plain, and the
-- attempt is the token.
local function event(queue, id, name, what, attempt, token, ...)
  tell(queue, 'event', name, 'jobId', id, 'db', what, 'n', attempt, 't', token, ...)
end

local function is_paused(queue) return call('HEXISTS', key(queue, 'meta'), 'paused') == 1 end

-- Wakes one of BullMQ's workers, which wait for this marker.
local function mark(queue)
  if not is_paused(queue) then call('ZADD', key(queue, 'marker'), 0, '0') end
end

local function numbers(queue, id)
  local h = call('HMGET', key(queue, id), 'atm', 'ats')
  return tonumber(h[1] or 0), tonumber(h[2] or 0)
end

-- Puts a job where the next free worker takes it.
local function enqueue(queue, id, prev, what, is_first)
  local k = key(queue, id)
  local h = call('HMGET', k, 'priority', 'atm', 'ats')
  local priority = tonumber(h[1] or 0)
  if priority > 0 then
    local turn = call('INCR', key(queue, 'pc'))
    call('ZADD', key(queue, 'prioritized'), priority * 0x100000000 + turn % 0x100000000, id)
  else
    call(is_first and 'RPUSH' or 'LPUSH', key(queue, 'wait'), id)
  end
  mark(queue)
  event(queue, id, 'waiting', what, h[2] or 0, h[3] or 0, 'prev', prev)
end

-- Puts a job where it waits for a time. Several of one millisecond keep their order.
local function delay(queue, id, until_ms)
  local delayed = key(queue, 'delayed')
  local first, last = until_ms * 0x1000, (until_ms + 1) * 0x1000 - 1
  local latest = call('ZREVRANGEBYSCORE', delayed, last, first, 'WITHSCORES', 'LIMIT', 0, 1)
  local score = first
  if #latest > 0 then score = math.min(tonumber(latest[2]) + 1, last) end
  call('ZADD', delayed, score, id)
  call('HSET', key(queue, id), 'delay', math.max(0, until_ms - NOW))
  local head = call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  call('ZADD', key(queue, 'marker'), math.floor(tonumber(head[2]) / 0x1000), '1')
end

-- Jobs whose time has come. Answers when the next one's comes.
local function promote(queue)
  local delayed = key(queue, 'delayed')
  local due = call('ZRANGEBYSCORE', delayed, 0, (NOW + 1) * 0x1000 - 1, 'LIMIT', 0, 1000)
  for _, id in ipairs(due) do
    call('ZREM', delayed, id)
    call('HSET', key(queue, id), 'delay', 0)
    enqueue(queue, id, 'delayed', 'ready')
  end
  local head = call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  return #head > 0 and math.floor(tonumber(head[2]) / 0x1000) or nil
end

local BESIDE_A_JOB = { ':lock', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful', ':dbchildren' }

local function remove(queue, ids)
  local keys, beside, names = {}, {}, {}
  for number, id in ipairs(ids) do
    local k = key(queue, id)
    keys[number], names[number] = k, outer(queue, id)
    for _, suffix in ipairs(BESIDE_A_JOB) do beside[#beside + 1] = k .. suffix end
  end
  call_with(keys, 'UNLINK')
  -- Most jobs have nothing beside them. To look is cheaper than to remove, which is written to the log of changes.
  if call_with(beside, 'EXISTS') > 0 then call_with(beside, 'UNLINK') end
  call_with(names, 'ZREM', OURS .. 'index')
end

local function bury(queue, id)
  local k = key(DEAD_LETTERS, id)
  if call('EXISTS', k) == 1 then
    call('LREM', key(DEAD_LETTERS, 'wait'), 1, id)
    call('UNLINK', k, k .. ':logs')
  end
end

-- Removes what is too old or too much, after `added` more came.
local function trim(queue, set, count, age_ms, added)
  local name, removed_max = key(queue, set), REMOVED_MAX + added
  local old = call('ZRANGEBYSCORE', name, 0, NOW - age_ms, 'LIMIT', 0, removed_max)
  local more = call('ZCARD', name) - #old - count
  if more > 0 then
    old = call('ZRANGE', name, 0, #old + math.min(more, removed_max) - 1)
  end
  if #old == 0 then return end
  call_with(old, 'ZREM', name)
  remove(queue, old)
end

local fail, cancel -- further down

-- A child ended. Its parent waits for it, or does not.
local function tell_parent(queue, id, is_well, value)
  local child = key(queue, id)
  local parent = call('HGET', child, 'parentKey')
  if not parent or call('SREM', parent .. ':dependencies', child) ~= 1 then return end
  if call('EXISTS', parent) == 0 then return end
  call('HSET', parent .. (is_well and ':processed' or ':failed'), child, value)
  if not is_well then call('HSET', parent, 'dbChildFailed', '1') end
  local parent_queue, parent_id = string.match(string.sub(parent, #PREFIX + 2), '^([^:]*):(.*)$')
  local waiting = key(parent_queue, 'waiting-children')
  if not call('ZSCORE', waiting, parent_id) then return end
  local h = call('HMGET', parent, 'dbQuestion', 'dbStrict', 'dbRunAt')
  if h[1] then return end
  if not is_well and h[2] then
    call('ZREM', waiting, parent_id)
    fail(parent_queue, parent_id, 'failed', 'child', 'a job that this one waits for ended badly', false)
  elseif call('SCARD', parent .. ':dependencies') == 0 then
    call('ZREM', waiting, parent_id)
    if tonumber(h[3] or 0) > NOW then
      delay(parent_queue, parent_id, tonumber(h[3]))
    else
      enqueue(parent_queue, parent_id, 'waiting-children', 'ready', true)
    end
  end
end

local function end_children(queue, id)
  for _, child in ipairs(call('SMEMBERS', key(queue, id) .. ':dependencies')) do
    local child_queue, child_id = string.match(string.sub(child, #PREFIX + 2), '^([^:]*):(.*)$')
    if call('EXISTS', child) == 1 then cancel(child_queue, child_id) end
  end
end

-- The last things that every job's end has in common, with its fields of these names.
local function untie(queue, id, is_well, value, deadline, parent, once)
  if deadline then call('ZREM', OURS .. 'deadlines', outer(queue, id)) end
  if once and call('GET', key(queue, 'de:' .. once)) == id then call('DEL', key(queue, 'de:' .. once)) end
  if parent then tell_parent(queue, id, is_well, value) end
end

-- A copy of a job that was given up, where tools for the old system look for it.
local function lay_out(queue, id, code, message)
  local h = call('HMGET', key(queue, id), 'name', 'data')
  if not h[1] or not h[2] or string.sub(h[2], -1) ~= '}' then return end
  local comma = string.match(h[2], '^%s*{%s*}$') and '' or ','
  local more = cjson.encode({ message = message, name = 'Error', type = code })
  local data = string.sub(h[2], 1, -2) .. comma .. '"originalJobId":' .. cjson.encode(id) .. ',"failureReason":'
    .. more .. '}'
  local k = key(DEAD_LETTERS, id)
  if call('EXISTS', k) == 1 then call('LREM', key(DEAD_LETTERS, 'wait'), 1, id) end
  call('HSET', k, 'name', h[1], 'data', data, 'opts', '{"removeOnFail":false,"attempts":1}', 'timestamp', NOW_TEXT,
    'delay', 0, 'priority', 0)
  call('HSETNX', key(DEAD_LETTERS, 'meta'), 'opts.maxLenEvents', 10000)
  call('XADD', key(DEAD_LETTERS, 'events'), 'MAXLEN', '~', 10000, '*', 'event', 'added', 'jobId', id, 'name', h[1])
  call('LPUSH', key(DEAD_LETTERS, 'wait'), id)
  mark(DEAD_LETTERS)
  call('XADD', key(DEAD_LETTERS, 'events'), 'MAXLEN', '~', 10000, '*', 'event', 'waiting', 'jobId', id)
end

-- Ends a job badly that is in no list any more. `state` is ours: failed, dead or cancelled.
fail = function(queue, id, state, code, message, is_retryable, failure)
  local k = key(queue, id)
  local attempt, token = numbers(queue, id)
  failure = failure or cjson.encode({ code = code, message = message, retryable = is_retryable })
  call('HSET', k, 'finishedOn', NOW_TEXT, 'failedReason', message, 'dbState', state, 'dbFailure', failure)
  call('HDEL', k, 'dbOpen', 'dbStop', 'defa', 'dbQuestion')
  call('ZADD', key(queue, 'failed'), NOW_TEXT, id)
  local ties = call('HMGET', k, 'dbDeadline', 'parentKey', 'deid')
  untie(queue, id, false, message, ties[1], ties[2], ties[3])
  end_children(queue, id)
  trim(queue, 'failed', KEEP_BAD, KEEP_BAD_MS, 1)
  if state == 'dead' then lay_out(queue, id, code, message) end
  event(queue, id, 'failed', state, attempt, token, 'failedReason', message, 'prev', 'active')
end

local function unlist(queue, id)
  return call('ZREM', key(queue, 'delayed'), id) == 1 or call('ZREM', key(queue, 'prioritized'), id) == 1
    or call('ZREM', key(queue, 'waiting-children'), id) == 1 or call('LREM', key(queue, 'wait'), 1, id) == 1
end

-- Takes a job from its worker.
local function unhand(queue, id)
  call('DEL', key(queue, id) .. ':lock')
  call('SREM', key(queue, 'stalled'), id)
  return call('LREM', key(queue, 'active'), -1, id) == 1
end

-- Stops a job: at once, or as soon as its worker hears of it.
cancel = function(queue, id)
  local k = key(queue, id)
  local h = call('HMGET', k, 'finishedOn', 'dbState', 'dbStop', 'atm', 'ats')
  if h[1] then return h[2] == 'cancelled' and 'cancelled' or 'ended' end
  if unlist(queue, id) then
    fail(queue, id, 'cancelled', 'cancelled', 'it was cancelled', false)
    return 'cancelled'
  end
  if h[3] then return 'running' end
  local lock = call('GET', k .. ':lock')
  if lock and string.sub(lock, 1, 11) ~= 'drawbridge:' then
    -- BullMQ's own worker has it, and cannot be told. Without its lock it cannot complete it either.
    unhand(queue, id)
    fail(queue, id, 'cancelled', 'cancelled', 'it was cancelled', false)
    return 'cancelled'
  end
  -- With another lock, the job cannot complete any more, whoever says so.
  call('HSET', k, 'dbStop', '1')
  local left = call('PTTL', k .. ':lock')
  if left > 0 then call('SET', k .. ':lock', 'stop:' .. (h[5] or 0), 'PX', left) end
  event(queue, id, 'stopping', 'stopping', tonumber(h[4] or 0) + 1, h[5] or 0)
  end_children(queue, id)
  return 'running'
end

-- A worker was lost with a job, which is in no list now. The attempt counts.
local function lose(queue, id)
  local k = key(queue, id)
  local h = call('HMGET', k, 'dbStop', 'dbAttempts', 'opts')
  local attempt = call('HINCRBY', k, 'atm', 1)
  call('HINCRBY', k, 'stc', 1)
  call('HDEL', k, 'dbOpen')
  if h[1] then
    return fail(queue, id, 'cancelled', 'cancelled', 'it was cancelled', false)
  end
  local most = tonumber(h[2] or (h[3] and cjson.decode(h[3]).attempts) or 1)
  if attempt >= most then
    return fail(queue, id, 'dead', 'stalled',
      'its worker was lost, and it may not be tried again; look at what it did, then retry it', true)
  end
  local token = call('HGET', k, 'ats') or 0
  event(queue, id, 'stalled', 'stalled', attempt, token)
  enqueue(queue, id, 'active', '', true)
end

-- Answers whether a worker had it.
local function miss_deadline(queue, id)
  local k = key(queue, id)
  local h = call('HMGET', k, 'dbStop', 'finishedOn')
  if h[2] then return false end
  local was_running = unhand(queue, id)
  if was_running then call('HINCRBY', k, 'atm', 1) else unlist(queue, id) end
  if h[1] then
    fail(queue, id, 'cancelled', 'cancelled', 'it was cancelled', false)
  else
    fail(queue, id, 'failed', 'deadline', 'it had not ended when its deadline passed', false)
  end
  return was_running
end

-- Where a job is, in our words.
local function state_of(queue, id)
  local k = key(queue, id)
  local h = call('HMGET', k, 'finishedOn', 'dbState', 'dbQuestion', 'atm', 'dbAttempts', 'opts', 'defa')
  if h[1] then
    if call('ZSCORE', key(queue, 'completed'), id) then return 'completed' end
    if h[2] then return h[2] end
    local most = tonumber(h[5] or (h[6] and cjson.decode(h[6]).attempts) or 1)
    return tonumber(h[4] or 0) >= most and 'dead' or 'failed'
  end
  if h[7] then return 'failed' end
  if call('ZSCORE', key(queue, 'delayed'), id) then return 'scheduled' end
  if call('ZSCORE', key(queue, 'waiting-children'), id) then
    return h[3] and 'waiting_for_input' or 'awaits_children'
  end
  if call('EXISTS', k .. ':lock') == 1 then return 'running' end
  if call('ZSCORE', key(queue, 'prioritized'), id) then return 'queued' end
  return call('LPOS', key(queue, 'active'), id) and 'running' or 'queued'
end
