-- Takes jobs, all of them or none. Arguments: whether the first is the parent of the others; then 22 for each job.
local WIDTH, OPEN_MAX, KEY_SECONDS = 22, 2000000, 40 * 24 * 3600
local is_family = ARGV[FIRST] == '1'
local count = (#ARGV - FIRST) / WIDTH

local function read(number)
  local at = FIRST + (number - 1) * WIDTH
  return {
    queue = ARGV[at + 1], id = ARGV[at + 2], name = ARGV[at + 3], data = ARGV[at + 4], opts = ARGV[at + 5],
    priority = tonumber(ARGV[at + 6]), is_first = ARGV[at + 7] == '1', wish = ARGV[at + 8],
    after_ms = tonumber(ARGV[at + 9]), run_at = tonumber(ARGV[at + 10]), attempts = ARGV[at + 11],
    backoff = ARGV[at + 12], deadline = tonumber(ARGV[at + 13]), deadline_after = tonumber(ARGV[at + 14]),
    caller = ARGV[at + 15], idempotency = ARGV[at + 16], fingerprint = ARGV[at + 17], once = ARGV[at + 18],
    parent = ARGV[at + 19], is_strict = ARGV[at + 20] == '1',
    callback = ARGV[at + 21], seal = ARGV[at + 22],
  }
end

local function key_name(kind, job, text) return OURS .. kind .. ':' .. job.caller .. '\0' .. text end

-- The job that a key stands for, and whether it stands for something else than this.
local function known_by_key(job, seen)
  if job.idempotency ~= '' then
    local name = key_name('key', job, job.idempotency)
    local found = seen[name] or call('GET', name)
    if found then
      local fingerprint, id = string.match(found, '^(%x+) (.*)$')
      if seen[name] or is_job(inner(id)) then return id, fingerprint ~= job.fingerprint end
    end
  end
  if job.once ~= '' then
    local name = key_name('once', job, job.once)
    local id = seen[name] or call('GET', name)
    if id and seen[name] then return id, false end
    if id then
      local queue, bare = inner(id)
      if is_job(queue, bare) and call('HEXISTS', key(queue, bare), 'finishedOn') == 0 then return id, false end
    end
  end
end

local jobs, known, seen, answers = {}, {}, {}, {}
for number = 1, count do
  local job = read(number)
  jobs[number] = job
  local id, differs = known_by_key(job, seen)
  if differs then return { 'key_reused', job.idempotency, id } end
  if id and is_family and number > 1 then return { 'child_key' } end
  if is_family and number == 1 and id then return { 'ok', id, '1' } end
  known[number] = id or false
  if not id then
    local name = outer(job.queue, job.id)
    if job.idempotency ~= '' then seen[key_name('key', job, job.idempotency)] = job.fingerprint .. ' ' .. name end
    if job.once ~= '' then seen[key_name('once', job, job.once)] = name end
    if job.parent ~= '' then
      local queue, bare = inner(job.parent)
      if not is_job(queue, bare) then return { 'no_parent', job.parent } end
      local h = call('HMGET', key(queue, bare), 'finishedOn', 'dbStop')
      if h[1] or h[2] then return { 'parent_ended', job.parent, state_of(queue, bare) } end
      if call('SCARD', key(queue, bare) .. ':dependencies') + count > 10000 then return { 'too_many_children' } end
    end
  end
end

for _, queue in ipairs(queues()) do
  if call('LLEN', key(queue, 'wait')) + call('ZCARD', key(queue, 'prioritized')) + call('ZCARD', key(queue, 'delayed'))
    + count > OPEN_MAX then
    return { 'full' }
  end
end

-- The order in which jobs came, also within a millisecond.
local place = math.max(NOW * 4096, tonumber(call('GET', OURS .. 'latest') or 0))
call('SET', OURS .. 'latest', string.format('%.0f', place + count))

-- Jobs that are ready and not less urgent than usual get into their queues together, and so do all into the index.
local ready, index = {}, {}

local function line_up(job)
  if job.priority > 0 then return enqueue(job.queue, job.id, '', '') end
  local of = ready[job.queue] or { first = {}, last = {} }
  ready[job.queue] = of
  local end_of_line = job.is_first and of.first or of.last
  end_of_line[#end_of_line + 1] = job.id
  tell(job.queue, 'event', 'waiting', 'jobId', job.id)
end

local function put_in()
  for queue, of in pairs(ready) do
    call_with(of.first, 'RPUSH', key(queue, 'wait'))
    call_with(of.last, 'LPUSH', key(queue, 'wait'))
    mark(queue)
  end
  call_with(index, 'ZADD', OURS .. 'index')
end

local function take(number, job)
  local k = key(job.queue, job.id)
  local deadline = job.deadline > 0 and job.deadline or (job.deadline_after > 0 and NOW + job.deadline_after or 0)
  local run_at = job.run_at
  if job.after_ms > 0 then run_at = NOW + job.after_ms end
  run_at = math.min(run_at, 2199023255000) -- the latest time that BullMQ's scores can hold
  local fields = { 'name', job.name, 'data', job.data, 'opts', job.opts, 'timestamp', NOW_TEXT, 'delay',
    math.max(0, run_at - NOW), 'priority', job.priority, 'dbCaller', job.caller, 'dbSeal', job.seal, 'dbAttempts', job.attempts,
    'dbBackoff', job.backoff }
  local function add(field, value) fields[#fields + 1] = field; fields[#fields + 1] = value end
  if deadline > 0 then
    add('dbDeadline', deadline)
    call('ZADD', OURS .. 'deadlines', deadline, outer(job.queue, job.id))
  end
  if run_at > NOW then add('dbRunAt', run_at) end
  if job.wish ~= '0' then add('dbWish', job.wish) end
  if job.is_strict then add('dbStrict', '1') end
  if job.callback ~= '' then
    add('dbCallback', job.callback)
    call('SET', OURS .. 'callbacks', '1', 'EX', KEY_SECONDS)
  end
  local parent_queue, parent_id
  if is_family and number > 1 then
    parent_queue, parent_id = jobs[1].queue, jobs[1].id
  elseif job.parent ~= '' then
    parent_queue, parent_id = inner(job.parent)
  end
  if parent_id then
    local parent = key(parent_queue, parent_id)
    local flag = call('HEXISTS', parent, 'dbStrict') == 1 and 'fpof' or 'idof'
    add('parentKey', parent)
    add('parent', '{"id":' .. cjson.encode(parent_id) .. ',"queueKey":' .. cjson.encode(PREFIX .. ':' .. parent_queue)
      .. ',"' .. flag .. '":true}')
    call('SADD', parent .. ':dependencies', k)
    call('RPUSH', parent .. ':dbchildren', outer(job.queue, job.id))
  end
  call('HSET', k, unpack(fields))
  index[#index + 1] = place + number
  index[#index + 1] = outer(job.queue, job.id)
  if job.callback ~= '' then
    tell(job.queue, 'event', 'added', 'jobId', job.id, 'name', job.name, 'c', job.caller, 'm', job.attempts, 'cb',
      job.callback)
  else
    tell(job.queue, 'event', 'added', 'jobId', job.id, 'name', job.name, 'c', job.caller)
  end
  if job.idempotency ~= '' then
    call('SET', key_name('key', job, job.idempotency), job.fingerprint .. ' ' .. outer(job.queue, job.id), 'EX',
      KEY_SECONDS)
  end
  if job.once ~= '' then
    call('SET', key_name('once', job, job.once), outer(job.queue, job.id), 'EX', KEY_SECONDS)
  end
  if is_family and number == 1 and count > 1 then
    call('ZADD', key(job.queue, 'waiting-children'), NOW_TEXT, job.id)
  elseif run_at > NOW then
    delay(job.queue, job.id, run_at)
    tell(job.queue, 'event', 'delayed', 'jobId', job.id, 'delay', run_at)
  else
    line_up(job)
  end
end

answers[1] = 'ok'
for number = 1, count do
  local job = jobs[number]
  if not known[number] then
    if call('ZADD', OURS .. 'queues', 'NX', NOW, job.queue) == 1 then
      call('HSETNX', key(job.queue, 'meta'), 'opts.maxLenEvents', EVENTS_MAX)
    end
    take(number, job)
  end
  answers[#answers + 1] = known[number] or outer(job.queue, job.id)
  answers[#answers + 1] = known[number] and '1' or '0'
end
put_in()
return answers
