/** Lets a page use nothing but itself: whatever the data holds, no request leaves and no foreign code runs. */
export const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"

/** The same for a page that asks this server, and no other. */
export const ASKING_POLICY = `${POLICY}; connect-src 'self'`
