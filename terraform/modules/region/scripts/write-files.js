// Writes what the process wants as files, from variables of this container: topology, authorities, credentials. Only these
// two containers have the volume.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

for (const [file, { name, text }] of Object.entries(JSON.parse(process.env.FILES))) {
  const content = process.env[`TEXT_${name}`];
  if (content === undefined || content === "") {
    console.error(`there is no TEXT_${name} to write ${file} from`);
    process.exit(1);
  }
  const whole = text.replace("{}", () => content.trimEnd());
  writeFileSync(join(process.env.FOLDER, file), `${whole}\n`, { mode: 0o444 });
}
