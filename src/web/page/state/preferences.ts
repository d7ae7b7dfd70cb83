/** Language and theme as chosen in this browser; without a choice the browser's and the system's. */
import { computed, effect, signal } from '@preact/signals';
import { LANGUAGES, type Language } from '../words/languages.js';
import { readStored, store } from './storage.js';

export type Theme = 'system' | 'light' | 'dark';

const isLanguage = (name: string | null): name is Language => name !== null && Object.hasOwn(LANGUAGES, name);
const isTheme = (name: string | null): name is Theme => name === 'light' || name === 'dark';

const keptLanguage = readStored('language');
const keptTheme = readStored('theme');

/** Null: as the browser is set. */
export const chosenLanguage = signal<Language | null>(isLanguage(keptLanguage) ? keptLanguage : null);
export const theme = signal<Theme>(isTheme(keptTheme) ? keptTheme : 'system');

export const language = computed<Language>(
  () => chosenLanguage.value ?? navigator.languages.map(tag => tag.split('-')[0]!).find(isLanguage) ?? 'en',
);
export const words = computed(() => LANGUAGES[language.value]);

effect(() => {
  document.documentElement.lang = language.value;
  store('language', chosenLanguage.value);
});

effect(() => {
  const { dataset } = document.documentElement;
  if (theme.value === 'system') delete dataset.theme;
  else dataset.theme = theme.value;
  store('theme', theme.value === 'system' ? null : theme.value);
});
