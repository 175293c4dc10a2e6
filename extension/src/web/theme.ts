/** VS Code says its theme by a class of the page's body. */
export function followTheme(element: HTMLElement) {
  const apply = () => {
    const dark = /vscode-(dark|high-contrast)(?!-light)/.test(document.body.className);
    element.setAttribute('theme', dark ? 'dark' : 'light');
  };
  apply();
  new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ['class'] });
}
