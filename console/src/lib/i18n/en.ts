/** The console's words in English: the list that every other language has to follow. */

import type { Rule } from '../schema/validate';

const many = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;

export const en = {
  nav: {
    now: 'Now', approvals: 'Approvals', tools: 'Tools', files: 'Files', terminals: 'Terminals', chat: 'Chat', jobs: 'Jobs', audit: 'Audit',
    keys: 'Keys', rules: 'Rules', providers: 'Models', daemons: 'Daemons', config: 'Configuration', connect: 'Connect',
  },
  words: {
    again: 'Try again', close: 'Close', copy: 'Copy', copied: 'Copied', cancel: 'Cancel', save: 'Save', remove: 'Remove', add: 'Add', ok: 'ok',
    name: 'Name', never: 'never', none: 'none', yes: 'yes', no: 'no', open: 'Open', refresh: 'Refresh',
    more: (count: number): string => `Show more (${count})`,
    saved: 'Saved.',
  },
  shell: {
    opening: 'Opening…', unreachable: 'The hub does not answer. This page tries again by itself.', pages: 'Pages', watch: 'Watch', use: 'Use', rule: 'Rule',
    skip: 'Skip to the content', menu: 'Menu', closeMenu: 'Close the menu', theme: 'Theme', themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    language: 'Language', signOut: 'Sign out', signedIn: (who: string): string => `Signed in: ${who}`,
    link: { connecting: 'Connecting', live: 'Live', lost: 'Connection lost' },
    liveText: 'What happens is shown as it happens.', lostText: 'What is shown may be old. The console reconnects by itself and catches up.',
    nothing: 'There is no such page', nothingText: 'The address may be mistyped. The navigation leads to everything there is.',
    notLoaded: 'This page could not be loaded', notLoadedText: 'The hub may have been updated or is not running.', reload: 'Load again',
  },
  signIn: {
    title: 'Sign in to Drawbridge', lead: 'See what AI applications do on this machine, decide what they may, and use every tool yourself.',
    linkTitle: 'With a link', linkText: 'Run this on the machine where Drawbridge runs. It opens this page, signed in.',
    keyTitle: 'With the owner’s key', key: 'Owner’s key', enter: 'Sign in',
    keyText: 'The key is sent once and kept nowhere in this browser. The session ends after an hour without use.',
  },
  bridge: {
    name: 'The bridge', raise: 'Raise the bridge', lower: 'Lower the bridge', isLowered: 'The bridge is lowered', isRaised: 'The bridge is raised',
    loweredText: 'AI applications can call tools, as far as your rules allow. Raising the bridge refuses every call at once, everywhere.',
    raisedText: 'Every call is refused, everywhere. What waits goes on when you lower the bridge.',
  },
  now: {
    version: (version: string): string => `Version ${version}`, since: 'started', lastHour: 'The last hour',
    waiting: (count: number): string => many(count, 'call waits for you', 'calls wait for you'), allApprovals: (count: number): string => `All ${count} approvals`,
    calls: 'Calls a minute', all: 'all', failed: 'failed', latency: 'Latency', p50: 'half', p99: '99 %', tokens: 'Tokens a minute', tokensIn: 'read', tokensOut: 'written',
    chart: (title: string, last: string): string => `${title} over the last hour. Latest: ${last}`,
    callsNow: 'Calls, as they happen', toAudit: 'Audit', toJobs: 'All jobs', noCalls: 'Nothing has called yet',
    noCallsText: 'Connect an application such as Claude Desktop, VS Code or Cursor, and its calls appear here as they happen. Or run a tool yourself.',
    tryTool: 'Try a tool', connected: 'Who is connected', nobody: 'Nobody is connected', nobodyText: 'Applications that called lately are shown here.',
    noJobs: 'No jobs', servers: 'Servers',
  },
  approvals: {
    title: 'Approvals', lead: 'What your rules say to ask about. Nothing runs until you have agreed to exactly these arguments, for this caller.',
    count: (count: number): string => many(count, 'approval waits', 'approvals wait'), wants: (who: string, what: string): string => `${who} asks for approval: ${what}`,
    wantsTo: 'wants to run', asked: 'asked', lapses: 'lapses', command: 'The command', arguments: 'Arguments', chain: 'Called from',
    answers: { allow_once: 'Allow once', allow_hour: 'Allow for an hour', allow_always: 'Always allow', deny: 'Deny' },
    decided: {
      allow_once: (what: string): string => `Allowed once: ${what}`, allow_hour: (what: string): string => `Allowed for an hour: ${what}`,
      allow_always: (what: string): string => `Always allowed: ${what}`, deny: (what: string): string => `Denied: ${what}`,
    },
    rule: (rule: string): string => `A rule was made: ${rule}`, notify: 'Notify me in this browser',
    none: 'Nothing waits for you', noneText: 'When a call needs your agreement, it appears here with what it would do, who wants it, and why. You decide: once, for an hour, always, or no.',
    toRules: 'What is asked about',
  },
  tools: {
    search: 'Search tools', favourites: 'Favourites', favourite: 'favourite', found: (count: number): string => many(count, 'tool found', 'tools found'),
    all: 'All tools', pick: 'Pick a tool', pickText: (count: number): string => `${count} tools are served. Each has a form made from its schema; press / to search, Ctrl+Enter to run.`,
    gone: (name: string): string => `There is no tool ${name}`, goneText: 'It may have been removed, or its server is not running.',
    effects: { reads: 'reads', changes: 'changes', destroys: 'may destroy' }, outside: 'reaches outside', mark: 'Add to favourites', unmark: 'Favourite',
    examples: 'Examples', form: 'Arguments', asJson: 'Arguments as JSON', copyAs: 'Copy as', history: 'Earlier runs in this window',
  },
  form: {
    required: 'required', clear: (name: string): string => `Leave out ${name}`, fillIn: 'Fill in', add: 'Add', addMember: 'Add a member', memberName: 'Name of the member',
    up: (place: number): string => `Move item ${place} up`, down: (place: number): string => `Move item ${place} down`, removeItem: (place: number): string => `Remove item ${place}`,
    kindOf: (name: string): string => `Kind of ${name}`, unset: '—', nothing: 'This tool needs no arguments.', charsMax: (count: number): string => `at most ${count} characters`,
    fileChars: (count: number): string => `${count} characters of base64`, notJson: 'This is not JSON yet.', notObject: 'Arguments are a JSON object.',
    faults: (count: number): string => many(count, 'argument does not fit', 'arguments do not fit') + '.',
    issues: {
      required: () => 'This is required.', unknown: (name) => `The tool knows no ${name}.`, type: (types) => `This must be: ${types}.`, enum: (values) => `One of: ${values}.`,
      min: (limit) => `At least ${limit}.`, max: (limit) => `At most ${limit}.`, step: (limit) => `A multiple of ${limit}.`,
      minLength: (limit) => (limit === '1' ? 'This must not be empty.' : `At least ${limit} characters.`), maxLength: (limit) => `At most ${limit} characters.`,
      pattern: (limit) => `This must match ${limit}.`, format: (limit) => `This is no ${limit}.`, minItems: (limit) => `At least ${limit}.`, maxItems: (limit) => `At most ${limit}.`,
      unique: () => 'Nothing may be there twice.', one: () => 'This fits more than one alternative.', never: () => 'This is not allowed here.',
    } satisfies Record<Rule, (limit: string) => string> as Record<Rule, (limit: string) => string>,
  },
  run: {
    run: 'Run', runAsJob: 'Run as job', states: { running: 'Running', asking: 'Your answer is needed', done: 'Done', failed: 'Failed', cancelled: 'Cancelled', job: 'Became a job' },
    progress: 'Progress', log: (count: number): string => many(count, 'line of log', 'lines of log'), asJob: 'It goes on as job', submitted: (id: string): string => `Job ${id} was submitted.`,
    answer: 'Answer', decline: 'Decline', cannotAnswer: (kind: string): string => `The console cannot answer this (${kind}).`,
  },
  result: { view: 'Shown as', views: { table: 'Table', tree: 'Tree', raw: 'JSON' }, table: 'Result as a table', image: 'Picture in the answer', elsewhere: 'opens elsewhere' },
  audit: {
    outcomes: { running: 'running', done: 'done', failed: 'failed', denied: 'refused', asked: 'asked', limited: 'limited', cancelled: 'cancelled', job: 'became a job' },
  },
  jobs: {
    states: { queued: 'queued', scheduled: 'scheduled', running: 'running', waiting_for_input: 'waiting for you', completed: 'completed', failed: 'failed', cancelled: 'cancelled', dead: 'dead letter' },
  },
};
