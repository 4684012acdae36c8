-- Jobs as they are now. Arguments: how many, from which job on ('' for the newest), of which parent ('' for any);
-- or how many = 0, and then one job. Answers with rows, and where to go on.
local function row(name)
  local queue, id = inner(name)
  if not is_job(queue, id) then return false end
  local k = key(queue, id)
  local h = call('HMGET', k, 'name', 'dbCaller', 'atm', 'dbAttempts', 'opts', 'stc', 'parentKey', 'timestamp', 'dbRunAt',
    'dbDeadline', 'processedOn', 'finishedOn', 'pb', 'progress', 'dbWish', 'dbStop', 'priority', 'delay', 'dbSeal')
  local parent = ''
  if h[7] then
    local parent_queue, parent_id = string.match(string.sub(h[7], #PREFIX + 2), '^([^:]*):(.*)$')
    if parent_queue then parent = outer(parent_queue, parent_id) end
  end
  local caller = h[2]
  if not caller then
    local ok, data = pcall(cjson.decode, call('HGET', k, 'data') or '{}')
    caller = ok and type(data) == 'table' and type(data.auth) == 'table' and type(data.auth.id) == 'string'
      and data.auth.id or ''
  end
  return { name, queue, h[1] or '', caller, state_of(queue, id), h[3] or '0', h[4] or '', h[5] or '{}', h[6] or '0',
    parent, h[8] or '0', h[9] or '', h[10] or '', h[11] or '', h[12] or '', h[13] or '', h[14] or '', h[15] or '',
    h[16] or '', h[17] or '0', h[18] or '0', call('SCARD', k .. ':dependencies'), h[19] or '' }
end

-- Jobs that others added are not in our index before somebody looks.
local function discover()
  for _, queue in ipairs(queues()) do
    local found = {}
    for _, name in ipairs({ 'wait', 'active' }) do
      for _, id in ipairs(call('LRANGE', key(queue, name), 0, 200)) do found[#found + 1] = id end
    end
    for _, name in ipairs({ 'prioritized', 'delayed', 'completed', 'failed', 'waiting-children' }) do
      for _, id in ipairs(call('ZREVRANGE', key(queue, name), 0, 200)) do found[#found + 1] = id end
    end
    for _, id in ipairs(found) do
      if not call('ZSCORE', OURS .. 'index', outer(queue, id)) then
        local since = call('HGET', key(queue, id), 'timestamp')
        if since then call('ZADD', OURS .. 'index', since * 4096, outer(queue, id)) end
      end
    end
  end
end

local most, after, parent = tonumber(ARGV[FIRST]), ARGV[FIRST + 1], ARGV[FIRST + 2]
if most == 0 then
  local one = row(after)
  return { one and { one } or {}, '' }
end
local names
if parent ~= '' then
  local queue, id = inner(parent)
  local all = call('LRANGE', key(queue, id) .. ':dbchildren', 0, -1)
  names = {}
  local is_past = after == ''
  for number = #all, 1, -1 do
    if is_past and #names < most then names[#names + 1] = all[number] end
    if all[number] == after then is_past = true end
  end
else
  if after == '' then discover() end
  local start = 0
  if after ~= '' then
    local rank = call('ZREVRANK', OURS .. 'index', after)
    if not rank then return { {}, '' } end
    start = rank + 1
  end
  names = call('ZREVRANGE', OURS .. 'index', start, start + most - 1)
end
local rows, gone = {}, {}
for _, name in ipairs(names) do
  local one = row(name)
  if one then rows[#rows + 1] = one else gone[#gone + 1] = name end
end
local last = #names >= most and names[#names] or ''
for _, name in ipairs(gone) do
  if name ~= last then call('ZREM', OURS .. 'index', name) end
end
return { rows, last }
