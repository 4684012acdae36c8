/** CodeMirror, in a piece of its own that is loaded when the first editor opens.
 *
 *  It lives in a shadow root: there CodeMirror puts its rules into `adoptedStyleSheets`, which our content security
 *  policy allows, where in the page itself it would need an inline style. */

import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { bracketMatching, HighlightStyle, indentOnInput, StreamLanguage, syntaxHighlighting } from '@codemirror/language';
import { toml } from '@codemirror/legacy-modes/mode/toml';
import { yaml } from '@codemirror/legacy-modes/mode/yaml';
import { shell } from '@codemirror/legacy-modes/mode/shell';
import { python } from '@codemirror/legacy-modes/mode/python';
import { javascript } from '@codemirror/legacy-modes/mode/javascript';
import { rust } from '@codemirror/legacy-modes/mode/rust';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** Languages by the ends of file names. */
const BY_ENDING: Record<string, () => Extension> = {
  json,
  toml: () => StreamLanguage.define(toml),
  yaml: () => StreamLanguage.define(yaml),
  yml: () => StreamLanguage.define(yaml),
  sh: () => StreamLanguage.define(shell),
  py: () => StreamLanguage.define(python),
  js: () => StreamLanguage.define(javascript),
  ts: () => StreamLanguage.define(javascript),
  rs: () => StreamLanguage.define(rust),
};

export interface Settings {
  parent: HTMLElement;
  text: string;
  /** A file's name, or an ending alone. */
  name: string;
  label: string;
  readOnly: boolean;
  change: (text: string) => void;
  /** Ctrl+Enter, and Ctrl+S where it is given. */
  submit?: (() => void) | undefined;
  save?: (() => void) | undefined;
}

export interface Handle {
  view: EditorView;
  setText: (text: string) => void;
  destroy: () => void;
}

export function edit(settings: Settings): Handle {
  const root = settings.parent.shadowRoot ?? settings.parent.attachShadow({ mode: 'open' });
  const parent = document.createElement('div');
  parent.style.height = '100%';
  root.replaceChildren(parent);
  const language = new Compartment();
  const ending = settings.name.split('.').at(-1)?.toLowerCase() ?? '';
  const view = new EditorView({
    root,
    parent,
    state: EditorState.create({ doc: settings.text, extensions: [...basics(settings), language.of(BY_ENDING[ending]?.() ?? [])] }),
  });
  return {
    view,
    setText: (text) => {
      if (view.state.doc.toString() !== text) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    destroy: () => view.destroy(),
  };
}

function basics(settings: Settings): Extension[] {
  const run = (act: (() => void) | undefined) => (): boolean => {
    act?.();
    return act !== undefined;
  };
  return [
    keymap.of([
      { key: 'Mod-Enter', run: run(settings.submit), stopPropagation: true },
      { key: 'Mod-s', run: run(settings.save), preventDefault: true },
    ]),
    lineNumbers(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    syntaxHighlighting(colours),
    theme,
    EditorView.lineWrapping,
    // What scrolls has to be reachable by keyboard, and to say so.
    EditorView.contentAttributes.of({ 'aria-label': settings.label, tabindex: '0' }),
    EditorState.readOnly.of(settings.readOnly),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) settings.change(update.state.doc.toString());
    }),
    // Tab leaves the editor: nobody is to be caught in it.
    keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
  ];
}

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.heading], color: 'var(--accent-ink)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--good)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--info)' },
  { tag: [tags.comment, tags.meta], color: 'var(--ink-3)', fontStyle: 'italic' },
  { tag: [tags.keyword, tags.operatorKeyword], color: 'var(--warn)' },
  { tag: tags.invalid, color: 'var(--bad)' },
]);

const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'var(--surface)', fontSize: 'var(--text-s)' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--ink-3)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--ink) 4%, transparent)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-1px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-soft) !important' },
  '.cm-panels': { backgroundColor: 'var(--sunken)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-textfield': { backgroundColor: 'var(--surface)', border: '1px solid var(--line-strong)' },
  '.cm-button': { backgroundImage: 'none', backgroundColor: 'var(--raised)', border: '1px solid var(--line-strong)' },
});
