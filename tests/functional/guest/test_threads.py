"""Whose a thread's words are."""

from tests.functional.guest.conftest import MakeHost


def test_a_thread_and_work_for_a_pool_speak_for_their_call(make_host: MakeHost) -> None:
    host = make_host(
        """
        import asyncio, threading
        from concurrent.futures import ThreadPoolExecutor
        from tapwater import options

        options(concurrency=2)
        pool = ThreadPoolExecutor(1)

        class Own(threading.Thread):
            def __init__(self, n):
                super().__init__()
                self.n = n

            def run(self):
                print("own", self.n)

        async def get(n: int):
            loop = asyncio.get_running_loop()
            plain = threading.Thread(target=print, args=("plain", n))
            for thread in (plain, Own(n)):
                thread.start()
                await asyncio.to_thread(thread.join)
            await asyncio.wrap_future(pool.submit(print, "pool", n))
            await loop.run_in_executor(None, print, "executor", n)
            return "x"
        """
    )
    for n in range(3):
        told = host.call(query=f"n={n}")
        assert [text for _, text in told.logs] == [
            f"plain {n}",
            f"own {n}",
            f"pool {n}",
            f"executor {n}",
        ]
