"""Model servers that speak OpenAI's APIs: OpenAI itself, Ollama, vLLM and their like.

Source of what is said here about them: openai SDK 3.54, its API reference, Ollama's and vLLM's
pages on compatibility. Import it only where turns are answered: the SDK is a quarter of a process.
"""
