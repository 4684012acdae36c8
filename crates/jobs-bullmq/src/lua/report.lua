-- What a worker tells in the middle of its work. Arguments: job, token, kind; then what.
local LINES_MAX = 1000
local queue, id = inner(ARGV[FIRST])
local token, kind = ARGV[FIRST + 1], ARGV[FIRST + 2]
if not is_job(queue, id) then return { 'not_found', '' } end
local k = key(queue, id)
local lock = call('GET', k .. ':lock')
if lock ~= 'drawbridge:' .. token and lock ~= 'stop:' .. token then return { 'stale', state_of(queue, id) } end
if kind == 'progress' then
  call('HSET', k, 'progress', ARGV[FIRST + 3])
  call('XADD', key(queue, 'events'), 'MAXLEN', '~', EVENTS_MAX, '*', 'event', 'progress', 'jobId', id, 'data',
    ARGV[FIRST + 3])
elseif kind == 'checkpoint' then
  call('HSET', k, 'dbCheckpoint', ARGV[FIRST + 3])
else
  for at = FIRST + 3, #ARGV do call('RPUSH', k .. ':logs', ARGV[at]) end
  call('HINCRBY', k, 'dbLines', #ARGV - FIRST - 2)
  call('LTRIM', k .. ':logs', -LINES_MAX, -1)
end
return { 'ok', 'running' }
