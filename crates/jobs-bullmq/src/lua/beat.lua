-- Signs of life. Arguments: lease in ms; then job and token for each.
local answers = {}
for at = FIRST + 1, #ARGV, 2 do
  local queue, id = inner(ARGV[at])
  local k = key(queue, id) .. ':lock'
  local lock = id ~= '' and call('TYPE', k).ok == 'string' and call('GET', k)
  if lock == 'drawbridge:' .. ARGV[at + 1] then
    call('PEXPIRE', k, ARGV[FIRST])
    call('SREM', key(queue, 'stalled'), id)
    answers[#answers + 1] = 'go_on'
  elseif lock == 'stop:' .. ARGV[at + 1] then
    answers[#answers + 1] = 'stop'
  else
    answers[#answers + 1] = 'lost'
  end
end
return answers
