/** Asks for the key that the region wants, where the page has none or a wrong one. */
import { useId, useState } from "preact/hooks";
import { storedKey, storeKey } from "../key.ts";

export function KeyForm({ onKey }: { readonly onKey: () => void }) {
  const id = useId();
  const [problem, setProblem] = useState<string>();
  const wrong = storedKey() === undefined ? undefined : "The region does not take the key that this tab has.";
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const input = (event.currentTarget as HTMLFormElement).elements.namedItem("key") as HTMLInputElement;
    if (storeKey(input.value)) onKey();
    else setProblem("That can't be a key: keys have letters, digits and - _ . ~ + alone.");
  };
  return (
    <form class="key" onSubmit={submit}>
      <h1>This region asks for a key</h1>
      <p role="status">
        {problem ?? wrong ?? "One with the scope cluster. The tab keeps it until it is closed."}
      </p>
      <span class="field">
        <label for={id}>Key</label>
        <input id={id} name="key" type="password" autoComplete="off" spellcheck={false} required />
      </span>{" "}
      <button type="submit">Open the console</button>
    </form>
  );
}
