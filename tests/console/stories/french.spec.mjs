import { test, expect } from '../browser.mjs';

// A hub of its own, because a hub remembers the language.
test.use({ locale: 'fr-FR', config: '# French\n' });

test('la console parle français, et s’en souvient', async ({ console, page, hub }) => {
  await expect(page.getByRole('heading', { name: 'Le pont est baissé' })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', 'fr');
  await console.open('tools/jobs_list');
  await page.getByRole('textbox', { name: 'limit' }).fill('0');
  await expect(page.getByText('Au moins 1.')).toBeVisible();
  await page.getByRole('button', { name: 'Exécuter Ctrl' }).click();
  await expect(page.getByText('1 argument ne convient pas.')).toBeVisible();
  await page.getByLabel('Langue').selectOption('en');
  await expect(page.getByRole('button', { name: 'Raise the bridge' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Raise the bridge' }), 'the choice is kept').toBeVisible();
  await page.getByLabel('Language').selectOption('fr');
  await expect(page.getByRole('button', { name: 'Lever le pont' })).toBeVisible();
  expect(hub.address).toBeTruthy();
});
