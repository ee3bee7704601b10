/**
 * How this command is typed where it was started: by its name, or by the script of a checkout, whose programs are
 * not on the user's PATH. For lines that are there to be copied.
 */
export function ownCommand(environment: Readonly<Record<string, string | undefined>>): string {
  const script = environment.npm_lifecycle_event;
  const ours = environment.npm_package_name === 'moorage-workspace';
  return ours && (script === 'review' || script === 'moorage') ? 'npm run moorage --' : 'moorage';
}
