/** The languages of the page: one file each, with the words of `en.ts`, and one line in each table here. */
import { de } from './de.js';
import { en, type Words } from './en.js';

export const LANGUAGES = { en, de } as const satisfies Readonly<Record<string, Words>>;
export type Language = keyof typeof LANGUAGES;

/** As each calls itself. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch' };
