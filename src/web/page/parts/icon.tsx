/** A few small pictures, drawn with the colour of the text around them. Never alone: a name stands beside or behind them. */
const PATHS = {
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4.500 4.500',
  back: 'M14 6l-6 6 6 6',
  close: 'M6 6l12 12M18 6 6 18',
  more: 'M4.500 12h1M11.500 12h1M18.500 12h1',
  clip: 'M20 11.500l-7.800 7.800a5 5 0 0 1-7-7l8-8a3.300 3.300 0 0 1 4.700 4.700l-8 8a1.700 1.700 0 0 1-2.400-2.400l7.300-7.300',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 8c.8-4 4-6 8-6s7.200 2 8 6',
  help: 'M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.500h.01',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
  warning: 'M12 4 3 19.500h18L12 4Zm0 6v4.500M12 17h.01',
  file: 'M7 3.500h7l4 4v13H7v-17Zm7 0v4h4',
  down: 'M6 9.500l6 6 6-6',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
