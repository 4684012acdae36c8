from drawbridge_daemon import Daemon

weather = Daemon("weather", "The weather, as this machine knows it.")

@weather.method(reads=True)
def today(city: str, unit: str = "C") -> str:
    "Says what the weather is today in a city."
    return f"It rains in {city}, at 11 °{unit}."

weather.serve()
