/** Light or dark: what the system says, unless somebody has chosen. */

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const NAME = "forebay-console-theme";

export function storedTheme(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(NAME)) ?? "system";
  } catch {
    // A browser that keeps nothing shows what the system says.
    return "system";
  }
}

/** Charts are drawn anew, since a canvas knows nothing of styles. */
export const THEME_EVENT = "forebay-theme";

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem(NAME, theme);
  } catch {
    // It holds until the page is left.
  }
  dispatchEvent(new Event(THEME_EVENT));
}
