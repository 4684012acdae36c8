/** What a tool's answer may show beside text: nothing that could run, and nothing fetched from elsewhere. */

const IMAGES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);
const AUDIO = new Set(['audio/mpeg', 'audio/mp3', 'audio/wav', 'audio/x-wav', 'audio/ogg', 'audio/webm', 'audio/flac', 'audio/mp4', 'audio/aac']);

/** Whether something of this type is only looked at or listened to, and shown here. */
export function isShown(kind: 'image' | 'audio', mime: string | undefined): boolean {
  return (kind === 'image' ? IMAGES : AUDIO).has(plain(mime));
}

const plain = (mime: string | undefined): string => (mime ?? '').toLowerCase().split(';')[0]?.trim() ?? '';

/** The address of bytes that came in an answer, if they are of a kind that is only looked at or listened to. */
export function sourceOf(kind: 'image' | 'audio', mime: string | undefined, base64: string | undefined): string | undefined {
  const type = plain(mime);
  if (!isShown(kind, mime) || base64 === undefined || !/^[A-Za-z0-9+/=\s]*$/.test(base64)) return undefined;
  return `data:${type};base64,${base64.replace(/\s/g, '')}`;
}

/** An address that a person may be led to: the web, nothing that runs or reads here. */
export function safeHref(address: string | undefined): string | undefined {
  if (address === undefined || !/^https?:\/\//i.test(address) || !URL.canParse(address)) return undefined;
  return address;
}

/** The bytes of base64. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
  return bytes;
}

/** Bytes as base64. */
export async function base64Of(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const STEP = 0x8000;
  let text = '';
  for (let place = 0; place < bytes.length; place += STEP) text += String.fromCharCode(...bytes.subarray(place, place + STEP));
  return btoa(text);
}
