/** Variables that the template sets for a function. */
export function requiredVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`the variable ${name} is not set; template.yaml sets it for this function`);
  }
  return value;
}
