// How every request of the HTTP fallback is made.

/**
 * A plain POST that needs no preflight, with cookies to the page's own origin only, and to no other address than the given
 * one.
 */
export function post(url: string, body: string, options: RequestInit): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body,
    cache: 'no-store',
    credentials: 'same-origin',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
    ...options
  })
}
