/** xterm.js, in a piece of its own that is loaded when the first terminal opens.
 *
 *  It writes rules into <style> elements and styles into attributes, which our content security policy forbids. So it
 *  gets a document that does the same by other means: rules go into a sheet that the page adopts, attributes into the
 *  element's own style. */

import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal, type ITheme } from '@xterm/xterm';

export type { Terminal } from '@xterm/xterm';
export { FitAddon };

/** Lines that can be scrolled back to. */
const SCROLLBACK_LINES = 5000;

/** Puts a terminal into its place. A part of xterm takes the page's own document whatever it is given, so that one is
 *  careful for as long as this takes. */
export function openTerminal(terminal: Terminal, parent: HTMLElement): void {
  const plain = document.createElement.bind(document);
  document.createElement = ((tag: string, options?: ElementCreationOptions) => (tag === 'style' ? adoptedStyle() : plain(tag, options))) as typeof document.createElement;
  try {
    terminal.open(parent);
  } finally {
    Reflect.deleteProperty(document, 'createElement');
  }
}

export function makeTerminal(): { terminal: Terminal; fit: FitAddon } {
  const terminal = new Terminal({
    documentOverride: carefulDocument(),
    fontFamily: token('mono'),
    fontSize: 13,
    lineHeight: 1.2,
    scrollback: SCROLLBACK_LINES,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    screenReaderMode: false,
    theme: themeOf(),
    minimumContrastRatio: 4.5,
    // Links in a terminal's text are what a program wrote: they open nothing.
    linkHandler: { activate: () => {} },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  return { terminal, fit };
}

const token = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Colours of a terminal, from the design's own. */
export function themeOf(): ITheme {
  return {
    background: token('surface'), foreground: token('ink'), cursor: token('accent'), cursorAccent: token('surface'), selectionBackground: token('accent-soft'),
    black: token('ink-3'), red: token('bad'), green: token('good'), yellow: token('warn'), blue: token('info'), magenta: token('accent'), cyan: token('accent-ink'), white: token('ink-2'),
    brightBlack: token('ink-3'), brightRed: token('bad'), brightGreen: token('good'), brightYellow: token('warn'), brightBlue: token('info'), brightMagenta: token('accent'), brightCyan: token('accent-ink'), brightWhite: token('ink'),
  };
}

function carefulDocument(): Document {
  return new Proxy(document, {
    get(target, name) {
      if (name === 'createElement') return (tag: string, options?: ElementCreationOptions) => (tag === 'style' ? adoptedStyle() : careful(target.createElement(tag, options)));
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** An element whose `style` attribute is set through its style. */
function careful<T extends HTMLElement>(element: T): T {
  const plain = element.setAttribute.bind(element);
  element.setAttribute = (name: string, value: string): void => {
    if (name === 'style') element.style.cssText = value;
    else plain(name, value);
  };
  return element;
}

/** Stands for a <style> element: its text becomes a sheet that the page adopts, for as long as it is there. */
function adoptedStyle(): HTMLElement {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const element = document.createElement('span');
  element.hidden = true;
  Object.defineProperty(element, 'sheet', { get: () => sheet });
  Object.defineProperty(element, 'textContent', { set: (text: string) => sheet.replaceSync(text), get: () => '' });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}
