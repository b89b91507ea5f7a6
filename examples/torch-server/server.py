"""A small OpenAI-compatible server around PyTorch: a Llama-shaped model with random weights on a GPU (or CPU).

For hosts without network and for tests: joules and seconds are real, the text is noise. One request at a time.

    python3 server.py --port 8000 --layers 16 --width 2048
"""

import argparse
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.cache_utils import DynamicCache

NAME = "random-llama"
ONE_AT_A_TIME = threading.Lock()


def build(args):
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=args.width,
        intermediate_size=args.width * 4,
        num_hidden_layers=args.layers,
        num_attention_heads=args.width // 64,
        num_key_value_heads=max(1, args.width // 256),
        vocab_size=32000,
        max_position_embeddings=8192,
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    with torch.device(device):
        model = LlamaForCausalLM(config).to(dtype).eval()
    return model, device


def tokens_of(prompt):
    """Token ids as they are, or one token per word: exact lengths without a tokenizer."""
    if isinstance(prompt, list) and all(isinstance(t, int) for t in prompt):
        return [t % 32000 for t in prompt] or [1]
    words = str(prompt).split()
    return [1 + sum(word.encode()) % 31999 for word in words] or [1]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {"status": "ok"})
        elif self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [{"id": NAME, "object": "model", "synthetic_weights": True}]})
        else:
            self.answer(404, {"error": {"message": f"no such route {self.path}"}})

    def event(self, body):
        data = f"data: {body if isinstance(body, str) else json.dumps(body)}\n\n".encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            request = json.loads(body)
        except ValueError as error:
            return self.answer(400, {"error": {"message": f"the body is not JSON: {error}"}})
        if self.path != "/v1/completions":
            return self.answer(404, {"error": {"message": f"no such route {self.path}"}})
        prompt = tokens_of(request.get("prompt", ""))
        limit = int(request.get("max_tokens", 16))
        with ONE_AT_A_TIME:
            self.stream(prompt, limit)

    @torch.inference_mode()
    def stream(self, prompt, limit):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        cache = DynamicCache()
        ids = torch.tensor([prompt], device=self.server.device)
        head = {"id": "cmpl", "object": "text_completion", "created": int(time.time()), "model": NAME}
        for i in range(limit):
            logits = self.server.model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
            ids = logits[:, -1:].argmax(-1)
            token = int(ids)  # waits for the device: the token is there when it is sent
            finish = "length" if i == limit - 1 else None
            self.event({**head, "choices": [{"index": 0, "text": f" t{token}", "token_ids": [token], "finish_reason": finish}]})
        usage = {"prompt_tokens": len(prompt), "completion_tokens": limit, "total_tokens": len(prompt) + limit}
        self.event({**head, "choices": [], "usage": usage})
        self.event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--layers", type=int, default=16)
    parser.add_argument("--width", type=int, default=2048)
    args = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.model, server.device = build(args)
    print(f"listening on http://127.0.0.1:{args.port}/v1 ({server.device})", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
