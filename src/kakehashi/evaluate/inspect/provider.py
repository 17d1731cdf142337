"""Our systems as models of Inspect: ``kakehashi/SUBJECT``, with system prompt, opening messages and guard.

A subject is one that the worker was told of, or else words as ``kakehashi assess`` takes them:
``inspect eval task.py --model kakehashi/mock:refuse``.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
    modelapi,
)
from inspect_ai.tool import ToolCall, ToolChoice, ToolFunction, ToolInfo

from kakehashi.errors import AuthenticationError, EndpointError, RequestRefusedError, UsageError
from kakehashi.evaluate.engine import Completion, Endpoint, PooledEndpoint, endpoint_for
from kakehashi.evaluate.engine.endpoint import ParameterRefusedSignal
from kakehashi.evaluate.engine.guard import Guard
from kakehashi.evaluate.subjects import parse_subject
from kakehashi.model import Status, Subject

#: Systems that the worker knows by name, each with its endpoint.
KNOWN: dict[str, tuple[Subject, Endpoint]] = {}

#: Stands for a grader where none was named: asking it is an error, never the system under test in its place.
NO_GRADER = "no-grader"

_MOST_ADAPTATIONS = 8


class SubjectModel(ModelAPI):
    """A system as Inspect asks it."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self.subject: Subject | None = None
        self.calls = 0
        if model_name == NO_GRADER:
            return
        known = KNOWN.get(model_name)
        self.subject, self._endpoint = known if known is not None else _by_words(model_name)
        self._guard = None if self.subject.guard is None else Guard(self.subject.guard)

    async def generate(
        self,
        input: list[ChatMessage],  # noqa: A002
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """One answer.

        Raises:
            EndpointError: The attempt failed; Inspect tries again where that may help.
            UsageError: The task asks a grader that was not named, or tools of an endpoint that takes none.
        """
        subject = self.subject
        if subject is None:
            raise UsageError("this task asks a grader", hint="Name one with --grader SUBJECT.")
        if tools and subject.endpoint not in {"openai", "local"}:
            raise UsageError(
                f"{subject.name} is reached by {subject.endpoint!r}, through which no tools are passed",
                hint="Use an OpenAI-compatible endpoint for tasks with tools.",
            )
        messages = _messages(subject, input)
        last = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
        if self._guard is not None and isinstance(last, str) and self._guard.stops_prompt(last):
            return self._output(Completion(self._guard.answer, Status.OK, finish_reason="guard"), [])
        parameters = _parameters(subject, config)
        if tools:
            parameters["tools"] = [_tool(tool) for tool in tools]
            parameters["tool_choice"] = _choice(tool_choice)
        done = await self._complete(messages, parameters)
        if self._guard is not None and self._guard.stops_answer(done.text):
            return self._output(Completion(self._guard.answer, Status.OK, finish_reason="guard"), [])
        return self._output(done, _calls(done.raw, tools) if tools else [])

    async def _complete(
        self, messages: Sequence[Mapping[str, Any]], parameters: dict[str, Any]
    ) -> Completion:
        for _ in range(_MOST_ADAPTATIONS):
            try:
                self.calls += 1
                return await self._endpoint.complete(messages, self._endpoint.settle(parameters))
            except ParameterRefusedSignal as signal:
                self._endpoint.adapt(signal.adaptation)
        raise RequestRefusedError("the endpoint goes on refusing parameters", permanent=True)

    def _output(self, done: Completion, calls: list[ToolCall]) -> ModelOutput:
        stop: StopReason = "tool_calls" if calls else "stop"
        if done.status is Status.BLOCKED:
            stop = "content_filter"
        elif done.finish_reason in {"length", "max_tokens"}:
            stop = "max_tokens"
        message = ChatMessageAssistant(
            content=done.text, model=self.model_name, source="generate", tool_calls=calls or None
        )
        read, written = done.prompt_tokens or 0, done.completion_tokens or 0
        return ModelOutput(
            model=self.model_name,
            choices=[ChatCompletionChoice(message=message, stop_reason=stop)],
            # Without usage Inspect counts by itself, and fetches a tokenizer for it.
            usage=ModelUsage(input_tokens=read, output_tokens=written, total_tokens=read + written),
        )

    def should_retry(self, ex: Exception) -> bool:
        """Whether trying again may help."""
        return (
            isinstance(ex, EndpointError)
            and not ex.permanent
            and not isinstance(ex, AuthenticationError | RequestRefusedError)
        )

    def max_connections(self) -> int:
        """As many as the endpoint can take."""
        return 32 if self.subject is None else self._endpoint.max_concurrency or 32

    def connection_key(self) -> str:
        """Systems share no connections."""
        return f"kakehashi/{self.model_name}"

    async def aclose(self) -> None:
        """Close the connections."""
        if self.subject is not None:
            await self._endpoint.close()


@modelapi(name="kakehashi")
def kakehashi_provider() -> type[ModelAPI]:
    """The provider of our systems."""
    return SubjectModel


def _by_words(words: str) -> tuple[Subject, Endpoint]:
    subject = parse_subject(words)
    if subject.endpoint == "local":
        raise UsageError(
            f"{words!r} needs a server of its own",
            hint="Run: kakehashi models serve smollm2 --port 8000, and name http://127.0.0.1:8000/v1#smollm2.",
        )
    return subject, endpoint_for(subject)


def know(described: Mapping[str, Any], subject: Subject) -> None:
    """Let a system be asked under its name; ``described`` says where its servers are, if it is local."""
    if subject.endpoint == "local":
        endpoint: Endpoint = PooledEndpoint(
            [
                endpoint_for(
                    subject,
                    local_url=server["url"],
                    local_identity=server["identity"],
                    max_concurrency=server["slots"],
                )
                for server in described["servers"]
            ]
        )
    else:
        endpoint = endpoint_for(subject)
    KNOWN[subject.name] = (subject, endpoint)


def _messages(subject: Subject, given: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """One system message, then the opening messages, then what the task says."""
    system = [subject.system] if subject.system else []
    system += [message.text for message in given if message.role == "system" and message.text]
    messages: list[dict[str, Any]] = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    messages += [message.wire() for message in subject.opening]
    return messages + [_message(message) for message in given if message.role != "system"]


def _message(message: ChatMessage) -> dict[str, Any]:
    if isinstance(message, ChatMessageTool):
        text = message.text or (message.error.message if message.error is not None else "")
        return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": text}
    if isinstance(message, ChatMessageAssistant) and message.tool_calls:
        return {
            "role": "assistant",
            "content": message.text,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function, "arguments": json.dumps(call.arguments)},
                }
                for call in message.tool_calls
            ],
        }
    return {"role": message.role, "content": message.text}


def _parameters(subject: Subject, config: GenerateConfig) -> dict[str, Any]:
    """The task's settings under the subject's own, and the lower of both limits of tokens."""
    asked = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        "seed": config.seed,
        "max_tokens": config.max_tokens,
        "stop": config.stop_seqs,
    }
    found = {key: value for key, value in asked.items() if value is not None} | dict(subject.parameters)
    limits = [
        limit
        for limit in (
            config.max_tokens,
            subject.parameters.get("max_tokens"),
            subject.parameters.get("max_completion_tokens"),
        )
        if isinstance(limit, int)
    ]
    if limits:
        other = "max_completion_tokens" in subject.parameters
        found.pop("max_tokens", None)
        found["max_completion_tokens" if other else "max_tokens"] = min(limits)
    return found


def _tool(tool: ToolInfo) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters.model_dump(exclude_none=True),
        },
    }


def _choice(choice: ToolChoice) -> Any:
    if isinstance(choice, ToolFunction):
        return {"type": "function", "function": {"name": choice.name}}
    return "required" if choice == "any" else choice


def _calls(raw: Mapping[str, Any], tools: list[ToolInfo]) -> list[ToolCall]:
    """Tool calls of a response; arguments that are no JSON object are kept with the error, as Inspect does."""
    choices = raw.get("choices")
    message = choices[0].get("message") if isinstance(choices, list) and choices else None
    listed = message.get("tool_calls") if isinstance(message, dict) else None
    found = []
    for place, call in enumerate(listed if isinstance(listed, list) else []):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        text, error = function.get("arguments") or "{}", None
        try:
            arguments = json.loads(text) if isinstance(text, str) else text
            if not isinstance(arguments, dict):
                raise ValueError
        except ValueError:
            arguments, error = {}, "the arguments are no JSON object"
        name = str(function.get("name", ""))
        found.append(
            ToolCall(
                id=str(call.get("id") or f"call-{place}"),
                function=name,
                arguments=arguments,
                parse_error=error,
            )
        )
    return found
