/** Runs before the first paint: the theme that was chosen here, if one was. Without storage the system's counts. */
try {
  const theme = localStorage.getItem('replyd.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {}
