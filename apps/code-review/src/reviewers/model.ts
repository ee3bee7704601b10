/**
 * A model by `provider:id`. Credentials and addresses come from the environment, by the names the
 * providers' own SDKs use; OPENAI_BASE_URL makes any compatible server (Ollama, vLLM, LM Studio) a provider.
 * The clients are loaded when they are needed: a review without a model never pays for them.
 */
import type { Model } from '@strands-agents/sdk';

const outputTokensMax = 8192;

export function openModelFromEnvironment(specification: string): Promise<Model> {
  return openModel(specification, process.env);
}

/** Throws a RangeError for a provider that is not known. */
async function openModel(
  specification: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Model> {
  const colon = specification.indexOf(':');
  const provider = specification.slice(0, colon);
  const modelId = specification.slice(colon + 1);
  switch (provider) {
    case 'bedrock': {
      const { BedrockModel } = await import('@strands-agents/sdk/models/bedrock');
      const region = environment['BEDROCK_REGION'] ?? environment['AWS_REGION'];
      return new BedrockModel({
        modelId,
        maxTokens: outputTokensMax,
        ...(region === undefined ? {} : { region }),
      });
    }
    case 'openai': {
      const { OpenAIModel } = await import('@strands-agents/sdk/models/openai');
      const baseURL = environment['OPENAI_BASE_URL'];
      return new OpenAIModel({
        api: 'chat',
        modelId,
        maxTokens: outputTokensMax,
        // A local server takes any key, the client wants one.
        apiKey: environment['OPENAI_API_KEY'] ?? (baseURL === undefined ? '' : 'none'),
        ...(baseURL === undefined ? {} : { clientConfig: { baseURL } }),
      });
    }
    case 'anthropic': {
      const { AnthropicModel } = await import('@strands-agents/sdk/models/anthropic');
      const baseURL = environment['ANTHROPIC_BASE_URL'];
      return new AnthropicModel({
        modelId,
        maxTokens: outputTokensMax,
        apiKey: environment['ANTHROPIC_API_KEY'] ?? '',
        ...(baseURL === undefined ? {} : { clientConfig: { baseURL } }),
      });
    }
    default:
      throw new RangeError(
        `no model provider ${JSON.stringify(provider)}; use bedrock, openai or anthropic`,
      );
  }
}
