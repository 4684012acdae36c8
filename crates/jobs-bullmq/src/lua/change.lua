-- What people do to one job. Arguments: job, what; then more, for some.
local queue, id = inner(ARGV[FIRST])
local what, value = ARGV[FIRST + 1], ARGV[FIRST + 2]
if not is_job(queue, id) then return { 'not_found', '' } end
local k = key(queue, id)
local state = state_of(queue, id)
local has_failed = state == 'failed' or state == 'dead'
local attempt, token = numbers(queue, id)

local function again()
  call('ZREM', key(queue, 'failed'), id)
  bury(queue, id)
  call('HDEL', k, 'finishedOn', 'failedReason', 'dbFailure', 'dbState', 'dbDeadline', 'dbChildFailed', 'dbOpen', 'dbRunAt',
    'processedOn', 'defa', 'stacktrace')
  call('HSET', k, 'atm', 0)
  enqueue(queue, id, 'failed', 'retried')
end

if what == 'cancel' then
  local after = cancel(queue, id)
  if after == 'ended' then return { 'misfit', state } end
  return { 'ok', after, token }
elseif what == 'retry' then
  if has_failed then
    if not call('ZSCORE', key(queue, 'failed'), id) then return { 'misfit', state } end
    again()
    return { 'ok', 'queued' }
  elseif state == 'scheduled' then
    call('ZREM', key(queue, 'delayed'), id)
    call('HSET', k, 'delay', 0)
    call('HDEL', k, 'dbRunAt')
    enqueue(queue, id, 'delayed', 'retried')
    return { 'ok', 'queued' }
  end
  return { 'misfit', state }
elseif what == 'edit' then
  if not has_failed then return { 'misfit', state } end
  call('HSET', k, 'data', value)
  event(queue, id, 'edited', 'edited', attempt, token)
  return { 'ok', state }
elseif what == 'answer' then
  if state ~= 'waiting_for_input' then return { 'misfit', state } end
  call('ZREM', key(queue, 'waiting-children'), id)
  call('HDEL', k, 'dbQuestion')
  call('HSET', k, 'dbAnswer', value)
  enqueue(queue, id, 'waiting-children', 'answered', true)
  return { 'ok', 'queued' }
elseif what == 'ask_rest' then
  if state ~= 'waiting_for_input' then return { 'misfit', state } end
  call('HSET', k, 'dbQuestion', value)
  return { 'ok', state }
elseif what == 'discard' then
  if not (has_failed or state == 'completed' or state == 'cancelled') then return { 'misfit', state } end
  call('ZREM', key(queue, 'failed'), id)
  call('ZREM', key(queue, 'completed'), id)
  bury(queue, id)
  remove(queue, { id })
  call('XADD', key(queue, 'events'), 'MAXLEN', '~', EVENTS_MAX, '*', 'event', 'removed', 'jobId', id, 'prev', state)
  return { 'ok', state }
end
