/**
 * What is shown, as the browser's address says it: `/` (the list), `/conversations/ID`, `/settings/PART`, `/sign-in`. Links
 * are real links; a click on one changes the address without a new page.
 */
import { signal } from '@preact/signals';

export type Route =
  | { readonly kind: 'list' }
  /** `message`: the one to look at. */
  | { readonly kind: 'conversation'; readonly id: string; readonly message?: string }
  | { readonly kind: 'settings'; readonly part: string }
  | { readonly kind: 'sign-in' };

export const route = signal<Route>(routeOf(location));

export function routeOf({ pathname, hash }: { readonly pathname: string; readonly hash: string }): Route {
  const [first, second] = pathname.split('/').filter(part => part !== '');
  if (first === 'conversations' && second !== undefined) {
    return { kind: 'conversation', id: second, ...(/^#msg_\w+$/.test(hash) ? { message: hash.slice(1) } : {}) };
  }
  if (first === 'settings') return { kind: 'settings', part: second ?? 'me' };
  if (first === 'sign-in') return { kind: 'sign-in' };
  return { kind: 'list' };
}

export function pathOf(place: Route): string {
  switch (place.kind) {
    case 'list':
      return '/';
    case 'conversation':
      return `/conversations/${place.id}${place.message === undefined ? '' : `#${place.message}`}`;
    case 'settings':
      return `/settings/${place.part}`;
    case 'sign-in':
      return '/sign-in';
  }
}

/** Somebody came here from another place of the page, not by opening the page itself. */
export const isMoved = signal(false);

export function go(place: Route, { replace = false }: { readonly replace?: boolean } = {}): void {
  const path = pathOf(place);
  if (path !== location.pathname + location.hash) {
    if (replace) history.replaceState(null, '', path);
    else history.pushState(null, '', path);
  }
  isMoved.value = true;
  route.value = place;
}

addEventListener('popstate', () => {
  isMoved.value = true;
  route.value = routeOf(location);
});

/** Takes a click on a link of ours; a click that wants another tab is left to the browser. */
export function followLinks(click: MouseEvent): void {
  if (click.defaultPrevented || click.button !== 0 || click.metaKey || click.ctrlKey || click.shiftKey || click.altKey)
    return;
  const link = (click.target as Element | null)?.closest('a');
  if (link?.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (/^\/(?:v1|html|assets)\//.test(link.pathname)) return;
  click.preventDefault();
  go(routeOf(link));
}
