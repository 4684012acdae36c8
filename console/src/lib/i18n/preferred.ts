/** The languages of the console. */

export type Language = 'en' | 'fr';

/** The first of these tags that we have. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0];
    if (base === 'en' || base === 'fr') return base;
  }
  return 'en';
}
