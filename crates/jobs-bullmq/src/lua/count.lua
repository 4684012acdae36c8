-- What is in each queue: name, paused, then word and number of each state.
local COUNTED_MAX = 10000
local answers = {}
for _, queue in ipairs(queues()) do
  local of = { queued = call('LLEN', key(queue, 'wait')) + call('ZCARD', key(queue, 'prioritized')),
    running = call('LLEN', key(queue, 'active')), completed = call('ZCARD', key(queue, 'completed')),
    scheduled = call('ZCARD', key(queue, 'delayed')) }
  for _, id in ipairs(call('ZREVRANGE', key(queue, 'failed'), 0, COUNTED_MAX)) do
    local state = state_of(queue, id)
    of[state] = (of[state] or 0) + 1
  end
  for _, id in ipairs(call('ZRANGE', key(queue, 'waiting-children'), 0, COUNTED_MAX)) do
    local state = call('HEXISTS', key(queue, id), 'dbQuestion') == 1 and 'waiting_for_input' or 'scheduled'
    of[state] = (of[state] or 0) + 1
  end
  local one = { queue, is_paused(queue) and '1' or '0' }
  for state, number in pairs(of) do
    one[#one + 1] = state
    one[#one + 1] = number
  end
  answers[#answers + 1] = one
end
return answers
