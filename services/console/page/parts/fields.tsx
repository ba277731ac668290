/** Form fields: each with its label, whose value stands in the address where it is a filter. */
import { useId } from "preact/hooks";
import { setParameters, useShown } from "../hooks.ts";
import { SPANS, spanOf } from "../model/history.ts";

export interface Choice {
  readonly value: string;
  readonly text: string;
}

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly Choice[];
  readonly onChange: (value: string) => void;
}

export function Select({ label, value, choices, onChange }: SelectProps) {
  const id = useId();
  return (
    <span class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.text}
          </option>
        ))}
      </select>
    </span>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly placeholder?: string;
  readonly kind?: "text" | "number";
  readonly listId?: string;
}

export function TextField({ label, value, onInput, placeholder, kind = "text", listId }: TextFieldProps) {
  const id = useId();
  return (
    <span class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type={kind}
        value={value}
        placeholder={placeholder}
        list={listId}
        autoComplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
    </span>
  );
}

/** A filter that stands in the address. */
export function ParameterSelect({
  name,
  label,
  choices,
}: {
  readonly name: string;
  readonly label: string;
  readonly choices: readonly Choice[];
}) {
  const { route } = useShown();
  const value = route.parameters[name] ?? "";
  const onChange = (chosen: string) => setParameters({ [name]: chosen });
  return <Select label={label} value={value} choices={choices} onChange={onChange} />;
}

export function RegionSelect({ name, label }: { readonly name: string; readonly label: string }) {
  const { view } = useShown();
  const choices = [
    { value: "", text: "all" },
    ...view.members.map((region) => ({ value: region, text: region })),
  ];
  return <ParameterSelect name={name} label={label} choices={choices} />;
}

/** Not there where there is one partition alone. */
export function PartitionSelect() {
  const { view } = useShown();
  if (view.partitions < 2) return null;
  const numbers = Array.from({ length: view.partitions }, (_, index) => ({
    value: `${index}`,
    text: `${index}`,
  }));
  return (
    <ParameterSelect name="partition" label="Partition" choices={[{ value: "", text: "all" }, ...numbers]} />
  );
}

export function SpanSelect() {
  const { route } = useShown();
  const choices = SPANS.map(({ name, title }) => ({ value: name, text: title }));
  const onChange = (span: string) => setParameters({ span });
  return (
    <Select
      label="Span"
      value={spanOf(route.parameters["span"]).name}
      choices={choices}
      onChange={onChange}
    />
  );
}

/** Undefined is all of them. */
export function usePartition(): number | undefined {
  const { route } = useShown();
  const text = route.parameters["partition"];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}
