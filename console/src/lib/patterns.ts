/** Patterns of tool names, as scopes and rules have them: `*` stands for any text. */

/** The names that at least one of the patterns fits. */
export function matching(patterns: readonly string[], names: readonly string[]): string[] {
  const tests = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(plain).join('.*')}$`));
  return names.filter((name) => tests.some((test) => test.test(name)));
}

const plain = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
