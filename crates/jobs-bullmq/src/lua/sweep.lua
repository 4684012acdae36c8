-- What time brings: workers that were lost, deadlines, delays. Answers with the jobs that lost their workers or their
-- time, and in how many ms there is something to do again (0: nothing that is known).
local due
local function not_later(time)
  if time and (not due or time < due) then due = time end
end
local taken = {}
local function take(name, token)
  taken[#taken + 1] = name
  taken[#taken + 1] = token
end
local late = call('ZRANGEBYSCORE', OURS .. 'deadlines', 0, NOW, 'LIMIT', 0, 1000)
for _, name in ipairs(late) do
  call('ZREM', OURS .. 'deadlines', name)
  local queue, id = inner(name)
  if is_job(queue, id) and call('HEXISTS', key(queue, id), 'dbDeadline') == 1 then
    local token = tonumber(call('HGET', key(queue, id), 'ats') or 0)
    if miss_deadline(queue, id) then take(name, token) end
  end
end
local next_late = call('ZRANGE', OURS .. 'deadlines', 0, 0, 'WITHSCORES')
if #next_late > 0 then not_later(tonumber(next_late[2])) end

-- A lock that is gone tells of a lost worker. BullMQ's own workers are given a second chance, as they give one to others.
local function is_lost(queue, id)
  local k = key(queue, id)
  local h = call('HMGET', k, 'timestamp', 'dbOpen', 'dbStop', 'dbSuspect', 'ats')
  if not h[1] then
    call('LREM', key(queue, 'active'), 1, id)
    return false
  end
  if h[2] == '1' or h[3] then return true end
  local token, since = string.match(h[4] or '', '^(%d+) (%d+)$')
  if token == h[5] and NOW - tonumber(since) > 10000 then return true end
  if token ~= h[5] then call('HSET', k, 'dbSuspect', (h[5] or 0) .. ' ' .. string.format('%.0f', NOW)) end
  not_later(NOW + 10001)
  return false
end

for _, queue in ipairs(queues()) do
  not_later(promote(queue))
  for _, id in ipairs(call('LRANGE', key(queue, 'active'), 0, -1)) do
    local left = call('PTTL', key(queue, id) .. ':lock')
    if left >= 0 then
      not_later(NOW + left + 1)
    elseif left == -2 and is_lost(queue, id) then
      take(outer(queue, id), tonumber(call('HGET', key(queue, id), 'ats') or 0))
      unhand(queue, id)
      lose(queue, id)
    end
  end
end
return { taken, due and math.max(1, due - NOW) or 0 }
