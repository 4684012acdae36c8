import { describe, expect, test } from 'vitest';
import { at, blank, branchOf, withAt } from './draft';
import { DEPTH_MAX, fieldOf, lookUp, named, type Field } from './field';
import { validate } from './validate';

const edit = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'edits'],
  properties: {
    dry_run: { type: 'boolean', default: false },
    path: { type: 'string' },
    edits: { type: 'array', minItems: 1, items: { $ref: '#/$defs/Edit' } },
  },
  $defs: { Edit: { type: 'object', required: ['old_text'], properties: { old_text: { type: 'string', minLength: 1 }, all: { type: 'boolean' } } } },
};

describe('what a form shows', () => {
  test('required fields come first, references are followed', () => {
    const field = fieldOf(edit) as Field & { kind: 'object' };
    expect(field.properties.map((property) => property.name)).toEqual(['path', 'edits', 'dry_run']);
    const edits = field.properties[1]?.field as Field & { kind: 'array' };
    expect(edits.item.kind).toBe('object');
    expect(field.others).toBeUndefined();
  });

  test('a nullable type is that type, and may be nothing', () => {
    expect(fieldOf({ type: ['string', 'null'], default: null })).toMatchObject({ kind: 'text', nullable: true });
    expect(fieldOf({ anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }] })).toMatchObject({ kind: 'number', nullable: true, min: 1 });
  });

  test('constants with descriptions are choices', () => {
    const field = fieldOf({ oneOf: [{ const: 'smart', description: 'When it has capitals.' }, { const: 'always' }] });
    expect(field).toMatchObject({ kind: 'choice', choices: [{ value: 'smart', description: 'When it has capitals.' }, { value: 'always' }] });
    expect(fieldOf({ enum: ['a', 'b'], enumNames: ['First', 'Second'] })).toMatchObject({ choices: [{ value: 'a', label: 'First' }, { value: 'b', label: 'Second' }] });
    expect(fieldOf({ enum: ['INT', 'TERM'] })).toMatchObject({ kind: 'choice', choices: [{ label: 'INT' }, { label: 'TERM' }] });
  });

  test('a set of choices is ticked, other lists are rows', () => {
    expect(fieldOf({ type: 'array', uniqueItems: true, items: { enum: ['a', 'b'] } }).kind).toBe('choices');
    expect(fieldOf({ type: 'array', items: { enum: ['a', 'b'] } }).kind).toBe('array');
  });

  test('alternatives keep what stands around them', () => {
    const field = fieldOf({ type: 'object', required: ['a'], properties: { a: { type: 'string' } }, oneOf: [{ title: 'one', properties: { b: { type: 'string' } } }, { title: 'two' }] });
    expect(field).toMatchObject({ kind: 'union', branches: [{ title: 'one', kind: 'object' }, { title: 'two', kind: 'object' }] });
  });

  test('a schema that contains itself ends in JSON', () => {
    const tree = { $ref: '#/$defs/Tree', $defs: { Tree: { type: 'object', properties: { kids: { type: 'array', items: { $ref: '#/$defs/Tree' } } } } } };
    let here: Field = fieldOf(tree);
    let depth = 0;
    while (here.kind === 'object' || here.kind === 'array') {
      here = here.kind === 'object' ? (here.properties[0]?.field as Field) : here.item;
      depth += 1;
    }
    expect([here.kind, depth]).toEqual(['json', DEPTH_MAX]);
  });

  test('names and formats say how a text is typed', () => {
    expect(named(fieldOf({ type: 'string' }), 'content')).toMatchObject({ shape: 'lines' });
    expect(named(fieldOf({ type: 'string' }), 'api_key')).toMatchObject({ shape: 'secret' });
    expect(fieldOf({ type: 'string', format: 'date' })).toMatchObject({ shape: 'date' });
    expect(fieldOf({ type: 'string', contentEncoding: 'base64' })).toMatchObject({ shape: 'file' });
  });

  test('references cannot leave the schema, nor reach prototypes', () => {
    expect(lookUp('https://example.com/x', edit)).toBe(true);
    expect(lookUp('#/__proto__/polluted', edit)).toBe(true);
    expect(lookUp('#/$defs/Edit', edit)).toBe(edit.$defs.Edit);
  });
});

describe('the draft', () => {
  test('it begins with what must be said, and nothing else', () => {
    expect(blank(fieldOf(edit))).toEqual({ path: '', edits: [{ old_text: '' }] });
  });

  test('parts are set and taken away without touching the rest', () => {
    const before = { a: { b: [1, 2, 3] }, c: true };
    expect(withAt(before, ['a', 'b', 1], 9)).toEqual({ a: { b: [1, 9, 3] }, c: true });
    expect(withAt(before, ['a', 'b', 1], undefined)).toEqual({ a: { b: [1, 3] }, c: true });
    expect(withAt(before, ['c'], undefined)).toEqual({ a: { b: [1, 2, 3] } });
    expect(withAt(undefined, ['x', 0, 'y'], 1)).toEqual({ x: [{ y: 1 }] });
    expect(before).toEqual({ a: { b: [1, 2, 3] }, c: true });
    expect(at(before, ['a', 'b', 2])).toBe(3);
    expect(at(before, ['__proto__'])).toBeUndefined();
  });

  test('order of members is kept when one changes', () => {
    expect(Object.keys(withAt({ a: 1, b: 2, c: 3 }, ['b'], 5) as object)).toEqual(['a', 'b', 'c']);
  });

  test('a value finds its branch', () => {
    const field = fieldOf({
      oneOf: [
        { type: 'object', required: ['kind'], properties: { kind: { const: 'cron' }, pattern: { type: 'string' } } },
        { type: 'object', required: ['kind'], properties: { kind: { const: 'every' }, seconds: { type: 'integer' } } },
        { type: 'string' },
      ],
    }) as Field & { kind: 'union' };
    expect(branchOf(field, { kind: 'every', seconds: 3 })).toBe(1);
    expect(branchOf(field, 'x')).toBe(2);
    expect(branchOf(field, undefined)).toBe(0);
  });
});

describe('validation', () => {
  const rules = (schema: object, value: unknown): string[] =>
    validate(schema as never, value as never).map((issue) => `${issue.path.join('.')}:${issue.rule}`);

  test('what is missing, unknown, or of the wrong type is named with its place', () => {
    expect(rules(edit, { path: 3, edits: [{ old_text: '' }, {}], x: 1 })).toEqual(['path:type', 'edits.0.old_text:minLength', 'edits.1.old_text:required', 'x:unknown']);
    expect(rules(edit, { path: 'a', edits: [] })).toEqual(['edits:minItems']);
    expect(rules(edit, { path: 'a', edits: [{ old_text: 'b' }] })).toEqual([]);
  });

  test('bounds hold at their edge', () => {
    const port = { type: 'integer', minimum: 1, maximum: 65535 };
    expect([0, 1, 65535, 65536, 1.5].map((value) => rules(port, value).length)).toEqual([1, 0, 0, 1, 1]);
    expect(rules({ type: 'string', maxLength: 2 }, '𝔘𝔘')).toEqual([]);
    expect(rules({ multipleOf: 0.1 }, 0.3)).toEqual([]);
    expect(rules({ exclusiveMinimum: 0 }, 0)).toEqual([':min']);
  });

  test('alternatives', () => {
    const either = { anyOf: [{ type: 'integer' }, { type: 'null' }] };
    expect([rules(either, 1), rules(either, null), rules(either, 'x').length]).toEqual([[], [], 1]);
    expect(rules({ oneOf: [{ type: 'number' }, { type: 'integer' }] }, 1)).toEqual([':one']);
    expect(rules({ oneOf: [{ const: 'a' }, { const: 'b' }] }, 'c')).toEqual([':enum']);
  });

  test('formats, patterns, and patterns that are none', () => {
    expect(rules({ format: 'date' }, '2026-02-30x')).toEqual([':format']);
    expect(rules({ format: 'date-time' }, '2026-11-20T10:00:00Z')).toEqual([]);
    expect(rules({ pattern: '^a+$' }, 'b')).toEqual([':pattern']);
    expect(rules({ pattern: '(' }, 'b')).toEqual([]);
  });

  test('false, not, and a schema that contains itself', () => {
    expect(rules({ properties: { a: false } }, { a: 1 })).toEqual(['a:unknown']);
    expect(rules({ not: { type: 'string' } }, 'x')).toEqual([':never']);
    expect(rules({ $ref: '#' }, 'x')).toEqual([]);
  });
});
