/** Which page is open: the address below /console/, its segments, and its query. */

const BASE = '/console/';

let path = $state(read());
let query = $state.raw(new URLSearchParams(location.search));

function read(): string {
  return location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : '';
}

function sync(): void {
  path = read();
  query = new URLSearchParams(location.search);
}

addEventListener('popstate', sync);

export const route = {
  /** The page's name: the first segment, or `now`. */
  get page(): string {
    return decode(path.split('/')[0] ?? '') || 'now';
  },
  /** What comes after the page's name, decoded. */
  get rest(): string {
    return path.split('/').slice(1).map(decode).join('/');
  },
  get query(): URLSearchParams {
    return query;
  },
};

/** The address of a page; each part is one segment, encoded. */
export function href(page: string, rest = '', search: Record<string, string> = {}): string {
  const segments = [page === 'now' ? '' : page, ...rest.split('/')].filter((part) => part !== '');
  const text = new URLSearchParams(search).toString();
  return BASE + segments.map(encodeURIComponent).join('/') + (text && `?${text}`);
}

/** Opens an address of the console without loading it anew. */
export function go(to: string, replace = false): void {
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  sync();
}

/** Makes links of ours navigate in place. For the element that holds the whole page. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (!link.pathname.startsWith(BASE) || link.getAttribute('href')?.startsWith('#')) return;
  event.preventDefault();
  go(link.pathname + link.search);
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
