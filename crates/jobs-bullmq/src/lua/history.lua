-- What happened in all queues from a place on, at one moment: so that nothing that comes later has a place before it.
-- Arguments: from where, how many entries of each queue.
local all = {}
for number, queue in ipairs(queues()) do
  all[number] = { queue, call('XRANGE', key(queue, 'events'), ARGV[FIRST], '+', 'COUNT', ARGV[FIRST + 1]) }
end
return all
