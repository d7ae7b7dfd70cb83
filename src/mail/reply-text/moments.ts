/**
 * What a line tells besides its words: an address, a date, a time. Every function but `asciiDigits` takes a text whose
 * digits are ASCII. Nothing here throws; every pattern is linear.
 */
import { withoutEnd } from '../cut.js';

const DIGITS: readonly string[] = [
  '٠١٢٣٤٥٦٧٨٩',
  '۰۱۲۳۴۵۶۷۸۹',
  '०१२३४५६७८९',
  '০১২৩৪৫৬৭৮৯',
  '๐๑๒๓๔๕๖๗๘๙',
  '０１２３４５６７８９',
];

/** The text with the digits of other scripts as ASCII ones; its length stays. */
export function asciiDigits(text: string): string {
  if (!/[^\x00-\u05ff]/.test(text)) return text;
  return text.replace(/[٠-٩۰-۹०-९০-৯๐-๙０-９]/g, digit => {
    for (const row of DIGITS) {
      const value = row.indexOf(digit);
      if (value !== -1) return String(value);
    }
    return digit;
  });
}

export function hasAddress(ascii: string): boolean {
  return ascii.includes('@') && /[^\s@<>()]@[^\s@<>()]+[^\s@<>():.]/.test(ascii);
}

/** True when an address stands in brackets. */
export function isBracketed(ascii: string): boolean {
  return /@(?<=[<(（[＜]\s*(?:mailto:|<)?[^\s@<>()]+@)[^\s@<>()]+[>)）\]＞]/i.test(ascii);
}

export function isAddressLast(ascii: string): boolean {
  const at = ascii.lastIndexOf('@');
  const domain = withoutEnd(withoutEnd(ascii.slice(at + 1), ' :：_"'), '>)）]＞') || ascii.charAt(at + 1);
  return at !== -1 && /^[^\s@<>()]+$/.test(domain);
}

export function hasTime(ascii: string): boolean {
  return /(?<!\d)\d{1,2}\s?[:.h：٫時时시][\s\u202f]?\d{2}(?!\d)/.test(ascii);
}

/** True when it tells any of the three. */
export function isTold(ascii: string): boolean {
  return hasAddress(ascii) || hasDate(ascii) || hasTime(ascii);
}

export function hasDate(ascii: string): boolean {
  return (
    /(?<!\d)(?:1[34]|19|20|25)\d{2}(?!\d)/.test(ascii) ||
    /(?<![\d.])\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{1,4}(?!\d|\.\d)/.test(ascii)
  );
}
