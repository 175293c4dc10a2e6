// Addresses of pages: `/studio/workspaces/<workspace>/<page>/<name>?…`. A page is a link that can be kept.

export interface Place {
  workspace: string;
  page: string;
  name: string;
  query: URLSearchParams;
}

function read(): Place {
  const parts = location.pathname.replace(/^\/studio\/?/, '').split('/').filter(Boolean).map(decode);
  const query = new URLSearchParams(location.search);
  if (parts[0] !== 'workspaces') return { workspace: '', page: parts[0] ?? '', name: '', query };
  return { workspace: parts[1] ?? '', page: parts[2] ?? '', name: parts.slice(3).join('/'), query };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

class Router {
  place = $state.raw<Place>(read());

  constructor() {
    addEventListener('popstate', () => (this.place = read()));
    // Links stay links (they open in new tabs and can be copied); a plain click changes the page.
    addEventListener('click', (event) => {
      if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const link = event.composedPath().find((it) => it instanceof HTMLAnchorElement);
      if (!link || link.origin !== location.origin || link.target || link.hasAttribute('download')) return;
      if (!link.pathname.startsWith('/studio')) return;
      event.preventDefault();
      this.go(link.pathname + link.search);
    });
  }

  go(address: string, { replaces = false } = {}) {
    if (address !== location.pathname + location.search) {
      history[replaces ? 'replaceState' : 'pushState'](null, '', address);
    }
    const isOther = this.place.page !== read().page || this.place.name !== read().name;
    this.place = read();
    if (isOther) scrollTo(0, 0);
  }

  /** Keeps what a page shows in its address. */
  keep(changes: Record<string, string | null>) {
    const query = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(changes)) {
      if (value) query.set(key, value);
      else query.delete(key);
    }
    const text = query.toString();
    this.go(location.pathname + (text ? `?${text}` : ''), { replaces: true });
  }

  /** The address of a page in the workspace that is open. */
  to(page: string, name = '', query: Record<string, string | number> = {}): string {
    const parts = ['workspaces', this.place.workspace || 'default', page, ...(name ? [name] : [])].filter(Boolean);
    const asked = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString();
    return `/studio/${parts.map(encodeURIComponent).join('/')}${asked ? `?${asked}` : ''}`;
  }
}

export const router = new Router();
