import { describe, expect, it } from 'vitest';
import type { Json } from './api/types';
import { showsAll } from './preview';

describe('what a preview leaves out', () => {
  const shown = (given: Json, kind: 'command' | 'diff' | 'text' | 'none', text: string) => showsAll({ arguments: given, preview: { kind, text } });

  it('is nothing where the call has one text only', () => {
    expect(shown({ command: 'ls' }, 'command', 'ls')).toBe(true);
    expect(shown({ text: 'hello' }, 'text', 'hello')).toBe(true);
  });

  it('is whatever else the call has', () => {
    expect(shown({ command: 'bash', stdin: 'rm -rf ~' }, 'command', 'bash')).toBe(false);
    expect(shown({ command: 'ls', script: 'rm -rf ~' }, 'command', 'ls')).toBe(false);
    expect(shown({ path: '.bashrc', content: 'x' }, 'text', 'x')).toBe(false);
    expect(shown({ path: '.bashrc', edits: [{ old: 'a', new: 'b' }] }, 'diff', '-a\n+b\n')).toBe(false);
    expect(shown({ edits: [{ old: 'a', new: 'b' }, { old_text: 1 }] }, 'diff', '-a\n+b\n')).toBe(false);
    expect(shown({ command: 'x'.repeat(10) }, 'command', 'xxx…')).toBe(false);
    expect(shown('text', 'text', 'text')).toBe(false);
    expect(showsAll({ arguments: {} })).toBe(false);
  });
});
